"""Prompt sets: read from files of every kind, looked through, and taken in whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from arena.db import Database
from arena.domain.personal import Personal
from arena.domain.prompt_filter import Unfit
from arena.errors import Invalid, InvalidPrompt
from arena.services import curation
from arena.services.prompt_files import Defaults, PromptFile, read_prompt_file
from arena.services.prompt_sets import Report, look_through, take_in
from arena.tables import Campaign, CampaignPrompt, Event, Prompt, TaggedBy
from tests.database.conftest import NOW, card

PARTI = """Prompt\tCategory\tChallenge\tNote
a corgi\tAnimals\tBasic\t
"hello" painted on a wall, with a comma\tArts\tWriting & Symbols\tunbalanced " too
Times Square at night\tWorld Knowledge\tBasic\t
"""
GENEVAL = [
    {"tag": "counting", "include": [{"class": "zebra", "count": 2}], "prompt": "a photo of two zebras"},
    {
        "tag": "position",
        "include": [{"class": "bench", "count": 1}],
        "prompt": "a photo of a bench left of a bear",
    },
]


@pytest.fixture
def campaign(database: Database) -> str:
    """A campaign without prompts."""
    with database.write.begin() as session:
        entrants = [curation.enter(session, card(f"e{n}"), now=NOW) for n in range(2)]
        curation.open_campaign(session, slug="demo", name="Demo", entrants=entrants, canvas=64, now=NOW)
    return "demo"


def write(tmp_path: Path, name: str, text: str) -> Path:
    """A file of that name."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def read(tmp_path: Path, name: str, text: str, **defaults: str) -> PromptFile:
    """What is read from a file of that name."""
    return read_prompt_file(write(tmp_path, name, text), Defaults(**defaults))


def bring(database: Database, told: PromptFile, **allowed: bool) -> tuple[Report, int]:
    """Look through a set, and take it in."""
    with database.read() as session:
        found = session.scalars(select(Campaign)).one()
        report = look_through(session, found, told)
    with database.write.begin() as session:
        return report, take_in(session, found, told, report, now=NOW, **allowed)


def test_known_sets_are_recognised_and_their_categories_kept(
    database: Database, campaign: str, tmp_path: Path
) -> None:
    parti = read(tmp_path, "prompts.tsv", PARTI, licence="Apache-2.0")
    geneval = read(tmp_path, "metadata.jsonl", "\n".join(json.dumps(row) for row in GENEVAL))
    assert (parti.columns, geneval.columns) == ("PartiPrompts", "GenEval")
    for told in (parti, geneval):
        report, added = bring(database, told)
        assert added == report.new == report.prompts
    with database.read() as session:
        rows = session.scalars(select(Prompt).order_by(Prompt.id)).all()
    assert [(row.text, row.categories, row.tagged_by, row.origin) for row in rows] == [
        ("a corgi", ["animals"], TaggedBy.IMPORT, "PartiPrompts"),
        ('"hello" painted on a wall, with a comma', ["painting"], TaggedBy.IMPORT, "PartiPrompts"),
        ("Times Square at night", [], TaggedBy.NOBODY, "PartiPrompts"),
        ("a photo of two zebras", ["animals", "photographic"], TaggedBy.RULE, "GenEval"),
        (
            "a photo of a bench left of a bear",
            ["photographic", "still-life", "animals"],
            TaggedBy.RULE,
            "GenEval",
        ),
    ]
    assert {row.licence for row in rows[:3]} == {"Apache-2.0"}


def test_our_columns_are_found_in_any_case_and_said_over(tmp_path: Path) -> None:
    head = "LICENSE,Prompt,Category,Source,Language"
    text = f'{head}\nCC0-1.0,"a  vase, blue",text;still-life,kitchen,pt-BR\n,b,,,\n'
    (line, bare) = read(tmp_path, "mine.csv", "\ufeff" + text).lines
    assert (line.number, bare.number) == (2, 3)
    assert line.prompt == curation.NewPrompt(
        "a vase, blue", ("text", "still-life"), "pt-BR", "CC0-1.0", "kitchen"
    )
    assert bare.prompt == curation.NewPrompt("b", (), "en", "", "mine")
    (line, _) = read(tmp_path, "mine.csv", text, origin="Ours", licence="MIT", language="fr").lines
    assert line.prompt == curation.NewPrompt("a vase, blue", ("text", "still-life"), "fr", "MIT", "Ours")
    (only,) = read(tmp_path, "a.jsonl", '\n{"Prompt": "x", "categories": ["3d", "3d"]}\n').lines
    assert (only.number, only.prompt.categories) == (2, ("3d",))
    assert [line.number for line in read(tmp_path, "a.txt", "one\n\ntwo, three\n").lines] == [1, 3]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "prompt,categories\nb,\nc,lanscape\n", "a.csv, line 3: 'lanscape' is no category"),
        ("a.csv", "prompt\nok\na\x07b\n", "a.csv, line 3: the prompt has a control character"),
        ("a.csv", "prompt,language\na,english!\n", "line 2: 'english!' is no language tag"),
        ("a.csv", "prompt\na red vase, blue\n", "line 2: 2 fields under 1 columns"),
        ("a.csv", "text\na\n", "has no column called prompt; its first line has text"),
        ("a.csv", 'prompt\n"a\n', "cannot be read as UTF-8 text"),
        ("a.csv", "prompt\n", "has no prompts"),
        ("a.csv", "prompt,licence\n  ,MIT\n", "line 2: the prompt is empty"),
        ("a.tsv", PARTI.replace("Animals", "Pets"), "line 2: 'Pets' is no category of PartiPrompts"),
        ("a.jsonl", '{"prompt": "a"}\n{"prompt"\n', "a.jsonl, line 2 is no JSON"),
        ("a.jsonl", '["prompt"]\n', 'line 1 is no JSON object with a "prompt"'),
        ("a.jsonl", '{"prompt": 3}\n', "line 1: the prompt is no text"),
        ("a.jsonl", '{"prompt": "a", "categories": {"3d": 1}}\n', "line 1: the categories are neither"),
        ("a.txt", "x" * 1001, "line 1: the prompt has 1,001 characters"),
        ("a.xlsx", "x", "is none of .csv, .tsv, .jsonl, .txt"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(InvalidPrompt) as error:
        read(tmp_path, name, text)
    assert told in str(error.value)


def test_a_set_is_looked_through_and_taken_in_once(database: Database, campaign: str, tmp_path: Path) -> None:
    with database.write.begin() as session:
        found = session.scalars(select(Campaign)).one()
        curation.add_prompts(session, found, [curation.NewPrompt("a red fox asleep in the snow")], now=NOW)
        known = session.scalars(select(Prompt.id)).one()
    lines = [
        "a red fox asleep in the snow",
        "A red fox, asleep in the snow!",
        "what is the capital of France?",
        "a blue vase",
        "a  blue vase",
        "the house at 12 Elm Street, ask ann@example.org",
    ]
    told = read(tmp_path, "set.txt", "\n".join(lines))
    with database.read() as session:
        report = look_through(session, session.scalars(select(Campaign)).one(), told)
    assert (report.prompts, report.new, report.known, report.repeated) == (6, 4, 1, 1)
    assert [(one.line, one.other_line, one.other_prompt, one.likeness) for one in report.near] == [
        (2, None, known, 1.0)
    ]
    assert [(one.line, one.reason) for one in report.unfit] == [(3, Unfit.QUESTION)]
    assert [(one.line, one.kind) for one in report.personal] == [(6, Personal.EMAIL), (6, Personal.STREET)]
    assert "example.org" not in json.dumps(report.as_dict())
    with pytest.raises(Invalid, match=r"on 1 of the lines of set\.txt; nothing was taken in") as error:
        bring(database, told)
    assert "ann@" not in str(error.value)
    with database.read() as session:
        assert session.scalar(select(func.count(Prompt.id))) == 1
    for added in (3, 0):
        _, done = bring(database, told, skip_unfit=True, allow_personal=True)
        assert done == added
    with database.read() as session:
        (done,) = session.scalars(select(Event).where(Event.kind == "prompts.imported"))
        assert (done.subject, done.data["added"]) == ("demo", 3)
        assert session.scalars(select(Prompt.text).order_by(Prompt.id)).all() == [
            *lines[:2],
            lines[3],
            lines[5],
        ]


def test_thousands_of_prompts_are_taken_in_at_once(database: Database, campaign: str, tmp_path: Path) -> None:
    """Statements, not seconds, are bounded: a query a prompt would be ten thousand."""
    text = "\n".join(f"a photo of thing{n % 997} with part{n} and tint{n % 89}" for n in range(5500))
    told = read(tmp_path, "many.txt", text)
    statements: list[str] = []

    @event.listens_for(database.write_engine, "before_cursor_execute")
    def note(*told: Any) -> None:
        statements.append(told[2])

    report, added = bring(database, told)
    assert (report.near, added) == ((), 5500)
    assert 0 < len(statements) < 60
    with database.read() as session:
        places = session.execute(
            select(CampaignPrompt.position, Prompt.text).join(Prompt).order_by(CampaignPrompt.position)
        ).all()
    assert [tuple(row) for row in places] == [*enumerate(text.split("\n"), start=1)]
