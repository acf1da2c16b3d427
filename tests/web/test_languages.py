"""English and French, complete; the reader's choice; numbers as the language writes them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from arena import paths
from arena.web import i18n
from tests.web.pages import cast, deal, read

FRENCH = paths.translations() / "fr" / "LC_MESSAGES" / "messages.po"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "noted": None}
OPTIONS = {"**.html": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}


def messages() -> set[str]:
    """Every message of the pages, the singular where there are two."""
    found = set()
    for folder, method in ((paths.PACKAGE / "web", "python"), (paths.templates(), "jinja2")):
        pattern = "**.py" if method == "python" else "**.html"
        for _, _, message, _, _ in extract_from_dir(
            str(folder), method_map=[(pattern, method)], options_map=OPTIONS, keywords=KEYWORDS
        ):
            found.add(message[0] if isinstance(message, tuple) else message)
    return found


def test_no_message_is_missing_in_french_and_none_is_left_over() -> None:
    with FRENCH.open("rb") as file:
        catalogue = read_po(file)
    told = {
        message.id[0] if isinstance(message.id, tuple) else message.id: message
        for message in catalogue
        if message.id
    }
    assert not messages() - told.keys()
    assert not told.keys() - messages()
    for message in told.values():
        words = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(words), message.id
        assert not message.fuzzy
        assert not list(message.check(catalogue)), message.id


def test_the_compiled_french_is_that_of_the_source() -> None:
    with FRENCH.open("rb") as file:
        catalogue = read_po(file)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    with Path(FRENCH.with_suffix(".mo")).open("rb") as file:
        kept = [(message.id, message.string) for message in read_mo(file)]
    assert kept[1:] == [(message.id, message.string) for message in read_mo(compiled)][1:]


@pytest.mark.parametrize(
    ("accepts", "language"),
    [("fr", "fr"), ("fr-CA,fr;q=0.9,en;q=0.8", "fr"), ("de,en;q=0.5", "en"), ("xx", "en"), ("", "en")],
)
def test_the_browser_says_which_language(client: FlaskClient, accepts: str, language: str) -> None:
    assert read(client.get("/", headers={"Accept-Language": accepts})).root["lang"] == language


def test_the_reader_chooses_and_comes_back_to_the_page(client: FlaskClient) -> None:
    response = client.post(
        "/preferences", data={"language": "fr", "theme": "dark", "back": "/leaderboard?x=1"}
    )
    assert (response.status_code, response.headers["Location"]) == (303, "/leaderboard?x=1")
    root = read(client.get("/leaderboard", headers={"Accept-Language": "en"})).root
    assert root == {"lang": "fr", "data-theme": "dark"}


@pytest.mark.parametrize(
    "back",
    [
        "https://elsewhere.example/",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "javascript:alert(1)",
        "",
        "/a\r\nX: y",
    ],
)
def test_nobody_is_sent_elsewhere(client: FlaskClient, back: str) -> None:
    assert client.post("/preferences", data={"theme": "dark", "back": back}).headers["Location"] == "/"


@pytest.mark.parametrize("told", [{"theme": "sepia"}, {"language": "xx"}, {}])
def test_unknown_preferences_are_not_kept(client: FlaskClient, told: dict[str, str]) -> None:
    assert "Set-Cookie" not in client.post("/preferences", data=told).headers


def test_a_french_voter_reads_french_from_the_ballot_to_the_reveal(client: FlaskClient) -> None:
    client.set_cookie("language", "fr")
    battle = deal(client)
    page = client.get(battle).get_data(as_text=True)
    for words in (
        "Laquelle de ces images garderiez-vous\u202f?",
        "Celle de gauche",
        "Égalité",
        "Aucune des deux",
    ):
        assert words in page
    assert 'lang="en" dir="auto">' in page, "the prompt stays in its own language"
    cast(client, battle)
    assert "Qu’est-ce qui dessert l’autre\u202f?" in client.get(battle).get_data(as_text=True)
    client.post(f"{battle}/reasons")
    assert "Paire suivante" in client.get(battle).get_data(as_text=True)


def test_errors_are_told_in_the_readers_language(client: FlaskClient) -> None:
    page = client.get("/nowhere", headers={"Accept-Language": "fr"}).get_data(as_text=True)
    assert "Rien n’est accroché ici" in page


def test_numbers_are_written_as_the_language_does(client: FlaskClient) -> None:
    app = client.application
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        told = (i18n.number(12345), i18n.decimal(4.21), i18n.percent(0.684), i18n.percent(0.061, 1))
        assert told == ("12\u202f345", "4,2", "68\u00a0%", "6,1\u00a0%")
    with app.test_request_context():
        told = (i18n.number(12345), i18n.decimal(4.21), i18n.percent(0.684), i18n.percent(0.061, 1))
        assert told == ("12,345", "4.2", "68%", "6.1%")
