"""Categories change, and the tallies with them: always what counting the votes would give."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.categories import SLUGS
from arena.errors import Invalid, InvalidPrompt, NotFound
from arena.queries.prompt_tags import category_counts, tagged_page, tagged_prompts
from arena.services import curation
from arena.services.tagging import find_prompt, retag, rule_changes, set_categories
from arena.storage import ImageStore
from arena.tables import Battle, BattleKind, Campaign, Event, Prompt, TaggedBy, Tally
from tests import factory
from tests.database.conftest import NOW, Arena, card


def tallies(database: Database) -> dict[tuple[object, ...], int]:
    """Every tally by its key."""
    names = [column.name for column in Tally.__table__.primary_key]
    with database.read() as session:
        return {
            tuple(getattr(row, name) for name in names): row.votes for row in session.scalars(select(Tally))
        }


def give(database: Database, number: int, *categories: str, by: TaggedBy = TaggedBy.OPERATOR) -> bool:
    """Give a prompt categories."""
    with database.write.begin() as session:
        prompt = session.get_one(Prompt, number)
        return set_categories(session, prompt, categories, by=by, now=NOW, actor="ann")


def test_tallies_are_what_counting_would_give_after_any_change(
    database: Database, images: ImageStore
) -> None:
    """Random votes in two campaigns on the same prompts, of kinds that count and that do not."""
    rng = random.Random(4)
    shows = [
        factory.open_arena(database, images, criteria=("beauty", "likeness")),
        factory.open_arena(database, images, slug="autumn"),
    ]
    for show in shows:
        show.fill(150, rng=rng)
    kinds = list(BattleKind)
    with database.write.begin() as session:
        for battle in session.scalars(select(Battle)):
            battle.kind = rng.choice(kinds)
    for show in shows:
        show.count()
    for _ in range(12):
        give(database, rng.choice(shows[0].prompts), *rng.sample(SLUGS, rng.randint(0, 3)))
        shows[0].vote(shows[0].deal("rose", "iris", voter=f"voter {rng.random()}", prompt=rng.randrange(4)))
    with database.write.begin() as session:
        for prompt in session.scalars(select(Prompt)):
            prompt.tagged_by = TaggedBy.RULE
    with database.read() as session:
        changes = rule_changes(session)
    assert len(changes) > 1
    with database.write.begin() as session:
        assert retag(session, changes, now=NOW) == len(changes)
    kept = tallies(database)
    for show in shows:
        show.count()
    assert kept == tallies(database)
    assert {key[2] for key in kept} > {"all", "still-life"}


@pytest.mark.parametrize("vote_first", [True, False])
def test_a_vote_and_a_change_at_once_leave_the_tallies_right(arena: Arena, vote_first: bool) -> None:
    """Whichever begins first, the other waits; else the vote would count under categories that are gone."""
    key = arena.deal("ann")
    with arena.database.read() as session:
        number = session.scalars(select(Battle.prompt_id)).one()

    def vote() -> None:
        arena.vote("ann", key, Outcome.RIGHT)

    def change() -> None:
        give(arena.database, number, "portrait", "people")

    def cast(session: Session) -> None:
        from arena.services import voting

        voting.cast_vote(
            session, key=key, voter_key="ann", criterion="preference", outcome=Outcome.RIGHT,
            elapsed_ms=None, consent="2026-11", now=NOW,
        )  # fmt: skip

    def set_them(session: Session) -> None:
        prompt = session.get_one(Prompt, number)
        set_categories(session, prompt, ["portrait", "people"], by=TaggedBy.OPERATOR, now=NOW)

    begun: Callable[[Session], None] = cast if vote_first else set_them
    other = threading.Thread(target=change if vote_first else vote)
    with arena.database.write.begin() as session:
        begun(session)
        other.start()
        other.join(timeout=0.3)
        assert other.is_alive()
    other.join(timeout=20)
    assert {key[2]: votes for key, votes in tallies(arena.database).items()} == {
        "all": 1,
        "people": 1,
        "portrait": 1,
    }


def test_a_change_is_told_once_and_what_people_said_stands(arena: Arena) -> None:
    with arena.database.read() as session:
        first, second = session.scalars(select(Prompt).order_by(Prompt.id).limit(2)).all()
    assert (first.categories, first.tagged_by) == (["still-life"], TaggedBy.IMPORT)
    assert give(arena.database, first.id, "animals", "animals", "painting")
    assert not give(arena.database, first.id, "animals", "painting")
    assert give(arena.database, second.id)
    with arena.database.write.begin() as session:
        events = session.scalars(select(Event).where(Event.kind == "prompt.tagged").order_by(Event.id)).all()
        assert [(event.actor, event.subject, event.data["after"]) for event in events] == [
            ("ann", first.digest[:12], ["animals", "painting"]),
            ("ann", second.digest[:12], []),
        ]
        assert rule_changes(session) == []
        assert find_prompt(session, str(first.id)).categories == ["animals", "painting"]


def test_the_rules_do_not_speak_over_what_was_said_meanwhile(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        campaign = session.get_one(Campaign, arena.campaign_id)
        curation.add_prompts(session, campaign, [curation.NewPrompt("a red fox in the snow")], now=NOW)
        prompt = session.scalars(select(Prompt).order_by(Prompt.id.desc())).first()
        assert prompt
        assert (prompt.categories, prompt.tagged_by) == (["animals"], TaggedBy.RULE)
        prompt.categories = ["text"]
        number = prompt.id
    with arena.database.read() as session:
        (change,) = rule_changes(session, campaign_id=arena.campaign_id)
    assert (change.before, change.after) == (("text",), ("animals",))
    give(arena.database, number, "fantasy")
    with arena.database.write.begin() as session:
        assert retag(session, [change], now=NOW) == 0
        assert session.get_one(Prompt, number).categories == ["fantasy"]


def test_a_mistyped_category_is_told_and_a_new_one_is_said_to_be_new(arena: Arena) -> None:
    with arena.database.write.begin() as session:
        prompt, other = session.scalars(select(Prompt).order_by(Prompt.id).limit(2)).all()
        with pytest.raises(
            InvalidPrompt, match="'lanscape' is no category; there is: photographic, portrait"
        ):
            set_categories(session, prompt, ["lanscape"], by=TaggedBy.OPERATOR, now=NOW)
        for slug in ("Posters", "all", "uncategorised", "a--b", "-a", "x" * 65, ""):
            with pytest.raises(InvalidPrompt, match="cannot be a category"):
                set_categories(session, prompt, [slug], by=TaggedBy.OPERATOR, now=NOW, new=True)
        assert prompt.categories == ["still-life"]
        set_categories(session, prompt, ["posters"], by=TaggedBy.OPERATOR, now=NOW, new=True)
        set_categories(session, other, ["posters"], by=TaggedBy.OPERATOR, now=NOW)
        counts = {row.slug: row.prompts for row in category_counts(session, arena.campaign_id)}
        assert (counts["posters"], counts["still-life"], counts["anime"]) == (2, 2, 0)


def test_a_prompt_is_found_by_number_or_digest(arena: Arena) -> None:
    with arena.database.read() as session:
        prompt = session.scalars(select(Prompt).order_by(Prompt.id)).first()
        assert prompt
        assert find_prompt(session, str(prompt.id)) is prompt
        assert find_prompt(session, prompt.digest[:14].upper()) is prompt
        for told in ("99999", "ffff0000ffff", "a vase", ""):
            with pytest.raises(NotFound):
                find_prompt(session, told)
    with arena.database.write.begin() as session:
        for end in "12":
            session.add(
                Prompt(
                    text=end,
                    digest="abcd" + end * 60,
                    categories=[],
                    tagged_by=TaggedBy.NOBODY,
                    language="en",
                    source=prompt.source,
                    licence="",
                    origin="",
                    created_at=NOW,
                )
            )
        session.flush()
        with pytest.raises(Invalid, match="several prompts"):
            find_prompt(session, "abcd")


def test_prompts_are_listed_by_category_words_and_page(database: Database) -> None:
    with database.write.begin() as session:
        entrants = [curation.enter(session, card(f"e{n}"), now=NOW) for n in range(2)]
        campaign = curation.open_campaign(
            session, slug="demo", name="Demo", entrants=entrants, canvas=64, now=NOW
        )
        told = [
            curation.NewPrompt("a 3d render of an owl"),
            curation.NewPrompt("100% silence"),
            curation.NewPrompt("eine Katze", language="de"),
            curation.NewPrompt("an owl, a letter", categories=("text", "animals")),
        ]
        assert curation.add_prompts(session, campaign, told, now=NOW) == 4
        number = campaign.id

        def texts(**wanted: str) -> list[str]:
            return [row.text for row in tagged_prompts(session, number, **wanted)]

        assert texts() == [prompt.text for prompt in told]
        assert texts(category="animals") == [told[0].text, told[3].text]
        assert texts(category="uncategorised") == [told[1].text, told[2].text]
        assert texts(category="anim") == []
        page = tagged_page(session, number, words="OWL an", size=1, page=9)
        assert [row.text for row in page.prompts] == [told[3].text]
        assert (page.count, page.page, page.pages) == (2, 2, 2)
        assert tagged_page(session, number, words="100%").count == 1
        counts = {row.slug: row.prompts for row in category_counts(session, number)}
        assert (counts["animals"], counts["3d"], counts["text"], counts["uncategorised"]) == (2, 1, 1, 2)
