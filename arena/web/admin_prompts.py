"""The operators' page of a campaign's prompts: which categories they have, and the form that changes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.categories import LONGEST, MOST, SLUGS, UNCATEGORISED, check_categories
from arena.errors import InvalidPrompt
from arena.queries.admin import event
from arena.queries.finding import find_campaign
from arena.queries.prompt_tags import category_counts, prompt_of, tagged_page
from arena.queries.prompts import categories as categories_in_use
from arena.services.tagging import set_categories
from arena.tables import TaggedBy
from arena.web import words
from arena.web.admin import bp, see_that_they_may_change, who_is_in
from arena.web.context import fields, now, reading, writing
from arena.web.i18n import gettext, number

FEWEST_CHOICES = 3
MOST_WORDS = 200

__all__ = ["bp"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the prompts is shown: a category, words of the prompt, a page, and the prompt to be changed."""

    category: str
    words: str
    page: int
    change: int

    def but(self, **changed: str | int) -> dict[str, Any]:
        """What leads to the same view with something else; what says nothing is left out."""
        told = {"category": self.category, "words": self.words, "page": self.page, **changed}
        return {name: value for name, value in told.items() if value and (name, value) != ("page", 1)}


@bp.get("/campaigns/<slug>/prompts")
def prompts(slug: str) -> BaseResponse:
    """A page of a campaign's prompts with their categories; one of them open to be changed."""
    return _page(slug, _asked())


@bp.post("/campaigns/<slug>/prompts/<int(max=2147483647):prompt>")
def tag_prompt(slug: str, prompt: int) -> BaseResponse:
    """Give a prompt the categories that were chosen, in their order, and one of the operator's own."""
    see_that_they_may_change()
    own = str(fields().get("own", "")).strip()
    chosen = [one for one in request.form.getlist("categories") if one]
    name, moment = who_is_in().name, now()

    def change(session: Session) -> tuple[int | None, str]:
        found = prompt_of(session, find_campaign(session, slug).id, prompt)
        check_categories(chosen, known=categories_in_use(session))
        told = [*chosen, own] if own else chosen
        done = set_categories(
            session, found, told, by=TaggedBy.OPERATOR, now=moment, actor=name, new=bool(own)
        )
        return done, found.digest

    asked = _asked()
    try:
        done, digest = writing(change)
    except InvalidPrompt as error:
        return _page(slug, asked, change=prompt, chosen=chosen, own=own, fault=_fault(error, own))
    told = asked.but(done=done, of=digest[:12]) if done else asked.but()
    return redirect(url_for("admin.prompts", slug=slug, **told) + f"#prompt-{prompt}", code=303)


def _page(
    slug: str,
    asked: Asked,
    *,
    change: int = 0,
    chosen: list[str] | None = None,
    own: str = "",
    fault: str = "",
) -> BaseResponse:
    with reading() as session:
        campaign = find_campaign(session, slug)
        page = tagged_page(session, campaign.id, category=asked.category, words=asked.words, page=asked.page)
        counts = category_counts(session, campaign.id)
        known = sorted({*categories_in_use(session)} - {*SLUGS})
        done = event(
            session,
            request.args.get("done", 0, type=int),
            actor=who_is_in().name,
            subject=request.args.get("of", ""),
        )
    response = make_response(
        render_template(
            "admin_prompts.html",
            guest=who_is_in(),
            campaign=campaign,
            asked=asked,
            page=page,
            filters=[
                (one.slug, f"{words.category(one.slug)} ({number(one.prompts)})")
                for one in counts
                if one.prompts
            ],
            change=change or asked.change,
            choices=[*SLUGS, *known],
            chosen=chosen,
            own=own,
            fault=fault,
            places=places,
            said_by=said_by,
            longest=LONGEST,
            told=gettext("The prompt has its categories.") if done else "",
        )
    )
    response.status_code = 400 if fault else 200
    return response


def _asked() -> Asked:
    told = request.args
    return Asked(
        category=told.get("category", ""),
        words=" ".join(told.get("words", "").split())[:MOST_WORDS],
        page=max(1, told.get("page", 1, type=int)),
        change=told.get("change", 0, type=int),
    )


def places(categories: tuple[str, ...]) -> list[str]:
    """What the choices of a form begin with: the categories there are, and room for another."""
    room = max(FEWEST_CHOICES, min(MOST, len(categories) + 1))
    return [*categories, *[""] * (room - len(categories))]


def said_by(by: TaggedBy) -> str:
    """Who says which categories a prompt has."""
    return {
        TaggedBy.NOBODY: gettext("nobody yet"),
        TaggedBy.IMPORT: gettext("with the set"),
        TaggedBy.OPERATOR: gettext("an operator"),
        TaggedBy.RULE: gettext("the rules"),
    }[by]


def _fault(error: InvalidPrompt, own: str) -> str:
    if error.reason == "too_many_categories":
        return gettext("That is more than %(most)s categories; nothing was changed.", most=number(MOST))
    if error.reason == "unknown_category":
        return gettext("One of these categories is not known here any more; choose again.")
    return gettext(
        "“%(own)s” cannot be a category: use lower-case letters, digits and single hyphens, at most "
        "%(longest)s of them, and neither all nor %(none)s.",
        own=own,
        longest=number(LONGEST),
        none=UNCATEGORISED,
    )
