"""Reading pages the way a script does: forms, buttons, pictures, by the standard library's parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


@dataclass
class Form:
    """A form: where it goes, its hidden fields, its buttons."""

    action: str
    method: str
    hidden: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """What a page offers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.forms: list[Form] = []
        self.pictures: list[dict[str, str]] = []
        self.links: list[str] = []
        self.root: dict[str, str] = {}
        self.styled: list[str] = []
        self.scripts: list[dict[str, str]] = []
        self._inside: Form | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if "style" in told or tag == "style" or any(name.startswith("on") for name in told):
            self.styled.append(tag)
        if tag == "html":
            self.root = told
        elif tag == "script":
            self.scripts.append(told)
        elif tag == "img":
            self.pictures.append(told)
        elif tag == "a" and "href" in told:
            self.links.append(told["href"])
        elif tag == "form":
            self._inside = Form(told.get("action", ""), told.get("method", "get"))
            self.forms.append(self._inside)
        elif self._inside and tag == "input" and told.get("type") == "hidden":
            self._inside.hidden[told["name"]] = told.get("value", "")
        elif self._inside and tag == "button":
            self._inside.buttons.append((told.get("name", ""), told.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None

    def form(self, ending: str) -> Form:
        """The one form whose action ends so."""
        (found,) = [form for form in self.forms if form.action.endswith(ending)]
        return found


def read(response: TestResponse) -> Page:
    """Parse an answer."""
    return Page(response.get_data(as_text=True))


def deal(client: FlaskClient) -> str:
    """Ask for the next pair; its address."""
    response = client.get("/battles/next")
    assert response.status_code == 303, response.get_data(as_text=True)
    return str(response.headers["Location"])


def cast(client: FlaskClient, battle: str, outcome: str = "left", **more: str) -> TestResponse:
    """Send the ballot of a battle's page as it is, with one answer."""
    ballot = read(client.get(battle)).form("/vote")
    name = ballot.buttons[0][0]
    return client.post(ballot.action, data={**ballot.hidden, name: outcome, **more})


def settle(client: FlaskClient, battle: str, outcome: str = "left", reason: str = "") -> TestResponse:
    """Vote and reveal; the revealed page."""
    assert cast(client, battle, outcome).status_code == 303
    told = client.post(f"{battle}/reasons", data={"reason": reason})
    assert told.status_code == 303
    return client.get(battle)
