"""Checkers behind a URL: OpenAI's moderation, Azure's Content Safety, Llama Guard on any OpenAI-like server.

They are sent what they check and nothing else. An answer that is late, large or not theirs raises: who asks
takes that for an error, never for an allowance.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from models.errors import MissingPart, ModelError
from models.safety import Finding, by_score

LARGEST_ANSWER = 1024 * 1024


class NoAnswer(ModelError):
    """A checker did not say what it found."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask, and for how long.

    Attributes
    ----------
    url : str
        Base address, such as ``https://api.openai.com/v1``.
    headers : mapping
        What opens it.
    seconds : float
        After which it is given up.
    """

    url: str
    headers: Mapping[str, str]
    seconds: float = 5.0

    def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post JSON and read the JSON object that comes back.

        Raises
        ------
        NoAnswer
            If there is none in time, or it is an error, too large, or no JSON object.
        """
        try:
            import httpx2
        except ImportError as error:
            raise MissingPart(
                "remote checkers need httpx2: pip install 'vernissage-arena[remote]'"
            ) from error
        read = bytearray()
        try:
            with httpx2.stream(
                "POST",
                self.url.rstrip("/") + path,
                json=body,
                headers={**self.headers, "Accept-Encoding": "identity"},
                timeout=self.seconds,
                follow_redirects=False,
            ) as answer:
                if answer.status_code != 200:
                    raise NoAnswer(f"status {answer.status_code}")
                for chunk in answer.iter_raw():
                    read += chunk
                    if len(read) > LARGEST_ANSWER:
                        raise NoAnswer("the answer is too large")
        except httpx2.HTTPError as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        try:
            told = json.loads(read)
        except ValueError as error:
            raise NoAnswer("the answer is no JSON") from error
        if not isinstance(told, dict):
            raise NoAnswer("the answer is no JSON object")
        return told


class OpenAiModeration:
    """OpenAI's moderation end point, for prompts and pictures.

    Parameters
    ----------
    server : Server
    model : str
    review : float
        From which score of any category on it is held; what the service flags is declined.
    """

    name = "openai"

    def __init__(self, server: Server, *, model: str = "omni-moderation-latest", review: float = 0.4) -> None:
        self._server, self._model, self._review = server, model, review
        self.version = model[:64]

    def check_prompts(self, prompts: Sequence[str]) -> list[Finding]:
        """One finding a prompt, in order."""
        return self._ask(list(prompts), len(prompts))

    def check_pictures(self, pictures: Sequence[Image.Image]) -> list[Finding]:
        """One finding a picture, in order; each is a request of its own."""
        return [self._ask([_image_part(picture)], 1)[0] for picture in pictures]

    def _ask(self, asked: list[Any], count: int) -> list[Finding]:
        told = self._server.ask("/moderations", {"model": self._model, "input": asked}).get("results")
        if not isinstance(told, list) or len(told) != count:
            raise NoAnswer(f"the answer has not {count} results")
        return [self._finding(one) for one in told]

    def _finding(self, told: Any) -> Finding:
        try:
            flagged, scores = bool(told["flagged"]), dict(told["category_scores"])
            told_of = [
                _OPENAI.get(name.split("/")[0], "other")
                for name, is_so in told["categories"].items()
                if is_so
            ]
            if "sexual/minors" in scores and told["categories"].get("sexual/minors"):
                told_of.append("minors")
            most = max(scores.items(), key=lambda item: float(item[1]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NoAnswer("a result lacks flagged, categories or category_scores") from error
        if flagged:
            return Finding("block", tuple(dict.fromkeys(told_of)), f"{most[0]} {float(most[1]):.3f}")
        held = by_score(
            float(most[1]), _OPENAI.get(most[0].split("/")[0], "other"), review=self._review, block=2
        )
        return Finding(
            held.decision, held.categories, f"{most[0]} {float(most[1]):.3f}" if held.reason else ""
        )


_OPENAI = {
    "sexual": "sexual",
    "hate": "hate",
    "harassment": "hate",
    "violence": "violence",
    "self-harm": "self-harm",
}


class AzureContentSafety:
    """Azure AI Content Safety, for prompts and pictures.

    Parameters
    ----------
    server : Server
        The resource's end point; the key goes into ``Ocp-Apim-Subscription-Key``.
    review, block : int
        From which severity on, of 0 to 6, it is held, and declined.
    """

    name = "azure"
    version = "2024-09-01"

    def __init__(self, server: Server, *, review: int = 2, block: int = 4) -> None:
        self._server, self._review, self._block = server, review, block

    def check_prompts(self, prompts: Sequence[str]) -> list[Finding]:
        """One finding a prompt, in order; each is a request of its own."""
        return [self._ask("text", {"text": prompt}) for prompt in prompts]

    def check_pictures(self, pictures: Sequence[Image.Image]) -> list[Finding]:
        """One finding a picture, in order; each is a request of its own."""
        return [self._ask("image", {"image": {"content": _base64(picture)}}) for picture in pictures]

    def _ask(self, kind: str, body: Mapping[str, Any]) -> Finding:
        path = f"/contentsafety/{kind}:analyze?api-version={self.version}"
        told = self._server.ask(
            path, {**body, "categories": list(_AZURE), "outputType": "FourSeverityLevels"}
        )
        try:
            severity = {one["category"]: int(one["severity"]) for one in told["categoriesAnalysis"]}
        except (KeyError, TypeError, ValueError) as error:
            raise NoAnswer(
                "the answer lacks categoriesAnalysis with a category and a severity each"
            ) from error
        if set(severity) != set(_AZURE):
            raise NoAnswer(f"the answer tells of {', '.join(sorted(severity)) or 'nothing'}")
        found = tuple(_AZURE[name] for name, level in severity.items() if level >= self._review)
        if not found:
            return Finding("allow")
        reason = ", ".join(f"{name} {level}" for name, level in severity.items() if level >= self._review)
        return Finding("block" if max(severity.values()) >= self._block else "review", found, reason)


_AZURE = {"Hate": "hate", "SelfHarm": "self-harm", "Sexual": "sexual", "Violence": "violence"}


class LlamaGuard:
    """Llama Guard behind any server that speaks OpenAI's chat completions.

    Parameters
    ----------
    server : Server
    model : str
        The name that it has there.
    """

    name = "llama-guard"

    def __init__(self, server: Server, *, model: str) -> None:
        self._server, self._model = server, model
        self.version = model[:64]

    def check_prompts(self, prompts: Sequence[str]) -> list[Finding]:
        """One finding a prompt, in order; each is a request of its own."""
        return [self._ask(prompt) for prompt in prompts]

    def check_pictures(self, pictures: Sequence[Image.Image]) -> list[Finding]:
        """One finding a picture, in order, of a Llama Guard that sees."""
        return [self._ask([_image_part(picture)]) for picture in pictures]

    def _ask(self, content: str | list[Any]) -> Finding:
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": 32,
        }
        told = self._server.ask("/chat/completions", body)
        try:
            lines = told["choices"][0]["message"]["content"].split()
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise NoAnswer("the answer has no message") from error
        if lines == ["safe"]:
            return Finding("allow")
        if not lines or lines[0] != "unsafe":
            raise NoAnswer("the answer is neither safe nor unsafe")
        hazards = [code.strip() for line in lines[1:] for code in line.split(",") if code.strip()]
        found = tuple(dict.fromkeys(_HAZARDS.get(code, "other") for code in hazards)) or ("other",)
        return Finding("block", found, ", ".join(hazards))


_HAZARDS = {
    "S1": "violence",
    "S3": "sexual",
    "S4": "minors",
    "S5": "real-persons",
    "S10": "hate",
    "S11": "self-harm",
    "S12": "sexual",
}
"""Hazards of the MLCommons taxonomy that Llama Guard names, as our categories."""


def _base64(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.convert("RGB").save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


def _image_part(picture: Image.Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_base64(picture)}"}}
