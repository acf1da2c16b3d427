"""The form of a campaign: what it holds, what was sent, and the plan that it makes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from arena.domain.campaigns import BEST_BASELINE, Target
from arena.domain.imported import BACKEND
from arena.errors import ArenaError, Invalid
from arena.queries.campaigns import name_of, pairs_of_target
from arena.services.campaigning import Plan, Prompts
from arena.services.curation import find_entrant
from arena.services.reckoning import Asked
from arena.tables import Audience, BoardReaders, Entrant, RevealPolicy
from arena.web.words import QUESTIONS

KNOWN: Final[Mapping[str, str]] = dict(
    zip(("preference", "prompt-following", "craft"), QUESTIONS, strict=False)
)
"""Questions that the pages can ask in every language, by their short names."""

NOTHING: Final = "none"
USUAL: Final[Mapping[str, str]] = {
    "canvas": "512",
    "seeds": "1",
    "policy": "informative",
    "set_size": "30",
    "minutes_to_vote": "60",
    "reveal": RevealPolicy.EACH.value,
    "audience": Audience.PUBLIC.value,
    "board": BoardReaders.PUBLIC.value,
    "checks": "6",
    "delay_hours": "0",
    "target": NOTHING,
    "b": BEST_BASELINE,
    "gap": "30",
    "error": "5",
    "power": "80",
    "least_votes": "200",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What stands in the form: texts by the name of their field, and those of fields with several."""

    one: Mapping[str, str]
    many: Mapping[str, tuple[str, ...]]

    def __getitem__(self, name: str) -> str:
        return self.one.get(name, "")

    def has(self, name: str, value: str) -> bool:
        """Whether a box is ticked."""
        return value in self.many.get(name, ())


MANY: Final = ("questions", "sets", "categories", "entrants")


def sent(form: MultiDict[str, str]) -> Sent:
    """What was sent; a form that was sent before it was opened holds nothing usual."""
    return Sent(
        one={name: " ".join(form[name].split()) if name != "own" else form[name] for name in form},
        many={name: tuple(form.getlist(name)) for name in MANY},
    )


def blank() -> Sent:
    """A new form."""
    return Sent(one=dict(USUAL), many={"questions": ("preference",)})


def filled(plan: Plan, slug: str) -> Sent:
    """The form of a campaign as it is."""
    one = {
        "slug": slug,
        "name": plan.name,
        "canvas": str(plan.canvas),
        "seeds": str(plan.seeds),
        "policy": plan.policy,
        "set_size": str(plan.set_size),
        "minutes_to_vote": str(plan.minutes_to_vote),
        "reveal": plan.reveal.value,
        "audience": plan.audience.value,
        "board": plan.board.value,
        "checks": f"{100 * plan.checks:g}",
        "quality_rule": plan.quality_rule or "",
        "most_votes": str(plan.most_votes or ""),
        "delay_hours": str(plan.delay_hours),
        "proof_bits": "" if plan.proof_bits is None else str(plan.proof_bits),
        "until": plan.closes_at.astimezone(UTC).date().isoformat() if plan.closes_at else "",
    }
    for place, (criterion, words) in enumerate(_others(plan.questions)):
        if place == 0:
            one |= {"criterion": criterion, "question": words}
    told = plan.target
    one |= {name: USUAL[name] for name in ("target", "b", "gap", "error", "power", "least_votes")}
    if told is not None:
        one |= {
            "target": told.kind,
            "a": told.a,
            "b": told.b or BEST_BASELINE,
            "gap": f"{told.gap:g}",
            "error": f"{100 * told.error:g}",
            "power": f"{100 * told.power:g}",
            "least_votes": str(told.least_votes),
            "stop_at": str(told.most_votes or ""),
        }
    questions = tuple(slug for slug, words in plan.questions.items() if KNOWN.get(slug) == words)
    return Sent(one=one, many={"questions": questions, "entrants": plan.entrants})


def plan_of(form: Sent, before: Plan | None = None) -> Plan:
    """The plan that a form makes; questions of ``before`` that the form cannot hold are kept.

    Raises
    ------
    Invalid
        If a number or a day cannot be read, or a choice is none of those offered.
    """
    questions = {slug: KNOWN[slug] for slug in KNOWN if form.has("questions", slug)}
    if form["question"]:
        questions[form["criterion"] or "own"] = form["question"]
    if before is not None:
        questions |= dict(_others(before.questions)[1:])
    return Plan(
        name=form["name"],
        entrants=form.many.get("entrants", ()),
        questions=questions,
        prompts=Prompts(
            sets=form.many.get("sets", ()),
            categories=form.many.get("categories", ()),
            own=tuple(line.strip() for line in form["own"].splitlines() if line.strip()),
            most=_whole(form, "most_prompts") or None,
        ),
        anew=bool(form["anew"]),
        canvas=_whole(form, "canvas") or 0,
        seeds=_whole(form, "seeds") or 0,
        policy=form["policy"],
        set_size=_whole(form, "set_size") or 0,
        minutes_to_vote=_whole(form, "minutes_to_vote") or 0,
        reveal=_word(RevealPolicy, form["reveal"]),
        audience=_word(Audience, form["audience"]),
        board=_word(BoardReaders, form["board"]),
        checks=(_real(form, "checks") or 0.0) / 100,
        quality_rule=form["quality_rule"] or None,
        target=target_of(form),
        most_votes=cap_of(form),
        closes_at=end_of(form),
        delay_hours=delay_of(form),
        proof_bits=bits_of(form),
    )


def target_of(form: Sent) -> Target | None:
    """The target that a form names.

    Raises
    ------
    Invalid
    """
    if form["target"] in {"", NOTHING}:
        return None
    pair = {"a": form["a"], "b": form["b"]} if form["target"] == "pair" else {}
    return Target(
        form["target"],  # type: ignore[arg-type]  # the target refuses a word that it does not know
        gap=_real(form, "gap") or 0.0,
        error=(_real(form, "error") or 0.0) / 100,
        power=(_real(form, "power") or 0.0) / 100,
        least_votes=_whole(form, "least_votes") or 0,
        most_votes=_whole(form, "stop_at"),
        **pair,
    )


def cap_of(form: Sent) -> int | None:
    """The most votes that are taken of one rater.

    Raises
    ------
    Invalid
    """
    return _whole(form, "most_votes")


def delay_of(form: Sent) -> int:
    """Hours after the votes when boards and votes are published.

    Raises
    ------
    Invalid
    """
    return _whole(form, "delay_hours") or 0


def bits_of(form: Sent) -> int | None:
    """Work that is asked of a new voter's browser; nothing for what the arena asks.

    Raises
    ------
    Invalid
    """
    return _whole(form, "proof_bits")


def end_of(form: Sent) -> datetime | None:
    """The planned end, which is the last second of a UTC day.

    Raises
    ------
    Invalid
    """
    if not form["until"]:
        return None
    try:
        return datetime.fromisoformat(f"{form['until']}T23:59:59+00:00")
    except ValueError:
        raise Invalid(f"the end must be a day such as 2026-12-31, not {form['until'][:40]!r}") from None


def asked_of(session: Session, form: Sent) -> Asked | None:
    """What the calculator is asked; nothing while fewer than two entrants are chosen.

    Raises
    ------
    Invalid
        If a number cannot be reckoned with.
    """
    chosen = [find_entrant(session, name) for name in form.many.get("entrants", ())]
    if len(chosen) < 2:
        return None
    pairs = 1
    if form["target"] == "ranking":
        pairs = math.comb(len(chosen), 2)
    elif form["target"] == "pair":
        try:
            target = target_of(form)
            pairs = len(pairs_of_target(target, chosen)) if target else 1
        except ArenaError:
            pairs = 1  # half a form is reckoned as one pair; sending it tells what is missing
    return Asked(
        entrants=len(chosen),
        pairs=pairs,
        gap=_real(form, "gap") or 30.0,
        error=(_real(form, "error") or 5.0) / 100,
        power=(_real(form, "power") or 80.0) / 100,
        set_size=_whole(form, "set_size") or 30,
        raters=_whole(form, "raters"),
        votes_each=_whole(form, "votes_each"),
    )


def choosable(session: Session) -> Sequence[Entrant]:
    """Entrants that can take part: not retired, painting here, the newest of each name first."""
    rows = session.scalars(
        select(Entrant)
        .where(Entrant.retired_at.is_(None), Entrant.backend != BACKEND)
        .order_by(Entrant.kind.desc(), Entrant.slug, Entrant.id.desc())
    )
    return sorted(rows, key=lambda one: (_ORDER.get(one.kind, len(_ORDER)), one.slug, -one.id))


def named(entrants: Sequence[Entrant]) -> list[tuple[str, Entrant]]:
    """Entrants with the names that a form sends for them."""
    return [(name_of(one), one) for one in entrants]


_ORDER: Final = {"in-house": 0, "baseline": 1, "reference": 2, "external": 3}


def _others(questions: Mapping[str, str]) -> list[tuple[str, str]]:
    """Questions that are none of the known ones."""
    return [(slug, words) for slug, words in questions.items() if KNOWN.get(slug) != words]


def _word(kind: Any, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise Invalid(f"{text[:40]!r} is none of {', '.join(one.value for one in kind)}") from None


def _whole(form: Sent, name: str) -> int | None:
    if not form[name]:
        return None
    if not form[name].isascii() or not form[name].isdigit() or len(form[name]) > 9:
        raise Invalid(f"{name.replace('_', ' ')} must be a whole number, not {form[name][:40]!r}")
    return int(form[name])


def _real(form: Sent, name: str) -> float | None:
    if not form[name]:
        return None
    try:
        told = float(form[name].replace(",", "."))
    except ValueError:
        raise Invalid(f"{name} must be a number, not {form[name][:40]!r}") from None
    if not math.isfinite(told):
        raise Invalid(f"{name} must be a number, not {form[name][:40]!r}")
    return told
