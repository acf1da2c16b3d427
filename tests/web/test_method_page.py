"""The method page: parameters are the code's, measured numbers those of docs, formulas told in words."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from arena.queries.boards import newest_run
from arena.services import dealing, method
from arena.services.method import RunCounts, Runs
from arena.tables import RatingRun
from arena.web.method import SETTINGS, write
from tests.web import small
from tests.web.pages import read
from tests.web.test_catalogue_pages import cast_many

MEASURED = Path(__file__).parents[2] / "docs" / "measured.md"
PARAMETER = (
    r'<tr><th scope="row">([^<]+)<span class="remark mono">([\w.]+)</span></th>'
    r'<td class="figure">([^<]+)<'
)
SECTIONS = ("blindness", "dealing", "ratings", "intervals", "ranks", "views", "variants", "seals")


class Formulas(HTMLParser):
    """The formulas of a page: what each says in words, and how many elements it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[tuple[str, str]] = []
        self.elements: list[int] = []
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "math":
            self.words.append((told.get("alttext") or "", told.get("aria-label") or ""))
            self.elements.append(0)
            self._open = True
        elif self._open:
            self.elements[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "math"


@pytest.fixture
def page(client: FlaskClient) -> str:
    """The page of an arena without votes."""
    return client.get("/method").get_data(as_text=True)


def test_every_parameter_is_the_constant_of_the_code(page: str) -> None:
    rows = re.findall(PARAMETER, page)
    assert len(rows) == len(method.SETTINGS) == len(SETTINGS)
    for (meaning, source, value), (name, setting) in zip(rows, method.SETTINGS.items(), strict=True):
        module, _, constant = source.rpartition(".")
        assert setting.value == getattr(import_module(module), constant)
        assert source == setting.source
        assert value == write(name, setting.value)
        assert html.unescape(meaning) == SETTINGS[name]
    for policy in dealing.POLICIES.values():
        assert f"<code>{policy}</code>" in page


def test_the_words_hold_the_parameters(
    page: str, monkeypatch: pytest.MonkeyPatch, client: FlaskClient
) -> None:
    """With other constants the sentences say other numbers: none of them is typed."""
    changed = {
        name: method.Setting(one.source, 4321 + n)
        for n, (name, one) in enumerate(method.SETTINGS.items())
        if isinstance(one.value, int | float) and name not in {"uniform_share", "level", "prior_precision"}
    }
    monkeypatch.setattr(method, "SETTINGS", {**method.SETTINGS, **changed})
    after = client.get("/method").get_data(as_text=True)
    prose, other = (text.split('id="coverage"')[0].replace(",", "") for text in (page, after))
    for name, one in changed.items():
        if name != "points_per_nat":
            assert str(one.value) in other, name
            assert str(one.value) not in prose


def test_every_formula_is_mathml_with_its_words(page: str) -> None:
    formulas = Formulas(page)
    assert len(formulas.words) == 13
    for (alternative, label), elements in zip(formulas.words, formulas.elements, strict=True):
        assert alternative == label
        assert len(alternative.split()) > 8
        assert elements > 10


def test_every_section_says_what_it_does_not_do(page: str) -> None:
    for section in SECTIONS:
        (body,) = re.findall(rf'<h2 id="{section}">.*?</section>', page, re.DOTALL)
        assert body.count("What it does not do.") == 1, section
    links = read_links(page)
    assert {"/style#blind", "/style#gloss", "/leaderboard", "/fair-play", "/fair-play#variants"} <= links
    places = {f"#{name}" for name in re.findall('id="([^"]+)', page)}
    assert {link for link in links if link.startswith("#")} <= places


def read_links(page: str) -> set[str]:
    return set(re.findall('href="([^"]+)"', page))


def test_what_was_measured_is_what_the_docs_say(page: str) -> None:
    text = MEASURED.read_text()
    table = text.split("| Arena | Boards use |")[1].split("\n\n")[0].splitlines()[2:]
    told = [[float(number) for number in re.findall(r"\d+\.\d", row)] for row in table]
    assert told == [[row.board, *row.others.values()] for row in method.COVERAGE]
    sentence = " ".join(text.split("with at least one wrong claim about ranks")[1].split("\n\n")[0].split())
    shares = [
        float(number) for number in re.findall(r"\d+(?:\.\d+)?(?=,| and| %|;)", sentence.split(": ", 1)[1])
    ]
    plain, tastes = shares[:6], shares[-4:]
    assert [*plain[:3], *tastes[:2]] == [row.board for row in method.WRONG_RANKS]
    assert [*plain[3:], *tastes[2:]] == [row.other for row in method.WRONG_RANKS]
    assert f"in {method.ARENAS:,} simulated arenas" in text
    assert method.MEASURED_BY in text
    for row in method.COVERAGE:
        for share in (row.board, *row.others.values()):
            assert f"{share}%" in page


def test_the_newest_version_of_each_method_is_in_force() -> None:
    newest = {version.method: version.version for version in method.VERSIONS}
    assert newest == method.IN_FORCE


def test_runs_are_counted_by_version_and_can_be_read(client: FlaskClient, arena: small.SmallArena) -> None:
    cast_many(arena, 12)
    with arena.database.write.begin() as session:
        session.execute(update(RatingRun).values(method_version="bt-1.0.0"))
    cast_many(arena, 4)
    client.get("/method")
    cast_many(arena, 4)
    page = client.get("/method").get_data(as_text=True)
    with arena.database.read() as session:
        counted = session.execute(
            select(RatingRun.method_version, func.count()).group_by(RatingRun.method_version)
        ).all()
    assert {version for version, _ in counted} == {"bt-1.0.0", method.IN_FORCE["bradley-terry"]}
    for version, count in counted:
        (row,) = re.findall(rf'mono">{version}</span>.*?</tr>', page, re.DOTALL)
        assert f"<b>{count}</b>" in row
        for link in read_links(row):
            assert client.get(link).get_json()["method_version"] == version


def test_runs_that_are_kept_for_good_are_counted_once(
    arena: small.SmallArena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that another worker keeps late, behind newer ones."""
    monkeypatch.setattr(method, "OVERLAP", 3)
    cast_many(arena, 3)
    counts = RunCounts()
    with arena.database.write.begin() as session:
        run = newest_run(session, 1, 1)
        assert run
        columns = {c.key: getattr(run, c.key) for c in RatingRun.__table__.columns if c.key != "id"}
        for kept, number in enumerate((2, 3, 5, 7, 9, 10, 8), start=2):
            session.add(another := RatingRun(**columns))
            another.id = number
            session.flush()
            assert counts.of(session) == {run.method_version: Runs(kept, 1, 10 if number == 8 else number)}


def test_nothing_of_the_page_comes_from_elsewhere(page: str, client: FlaskClient) -> None:
    told = read(client.get("/method"))
    assert not told.styled
    assert not [link for link in read_links(page) if link.startswith(("http:", "https:", "//"))]
