"""Operators who come in by an account at an OpenID provider: a real one, small, on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from arena.errors import SettingsError
from arena.services import identities, operators
from tests.web import small
from tests.web.openid_provider import CLIENT, SECRET, Provider
from tests.web.pages import read


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that knows ann."""
    opened = Provider()
    yield opened
    opened.close()


@pytest.fixture
def arena(tmp_path: Path, provider: Provider) -> Iterator[small.SmallArena]:
    """An arena where ann's account is bound to her name."""
    arena = small.empty_arena(
        tmp_path / "home",
        ARENA_OIDC_ISSUER=provider.url,
        ARENA_OIDC_CLIENT_ID=CLIENT,
        ARENA_OIDC_CLIENT_SECRET=SECRET,
    )
    with arena.database.write.begin() as session:
        now = datetime.now(UTC)
        operators.make_link(session, "ann", now=now)
        identities.bind(session, "ann", issuer=provider.url, email="ann@lab.example", now=now)
    yield arena
    arena.close()


def go_there(client: FlaskClient) -> str:
    """Press the button of the sign-in page; the provider's address."""
    assert "/admin/openid" in read(client.get("/admin/sign-in")).links
    response = client.get("/admin/openid")
    assert response.status_code == 303
    cookie = next(c for c in response.headers.getlist("Set-Cookie") if c.startswith("operator_asks="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/admin/openid" in cookie
    return str(response.headers["Location"])


def test_a_bound_account_comes_in(provider: Provider, client: FlaskClient, arena: small.SmallArena) -> None:
    there = go_there(client)
    asked = parse_qs(urlsplit(there).query)
    assert asked["redirect_uri"] == [f"{arena.settings.public_url}/admin/openid/back"]
    assert asked["scope"] == ["openid email"]
    assert min(len(asked[name][0]) for name in ("state", "nonce", "code_challenge")) >= 43
    back = client.get(provider.authorize(there))
    assert back.status_code == 200, "a page, so that the strict cookie goes with the next request"
    assert back.headers["Refresh"] == "0; url=/admin"
    assert "/admin" in read(back).links
    assert "ann, operator" in client.get("/admin").get_data(as_text=True)
    assert client.get_cookie("operator_asks", path="/admin/openid") is None


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "8", "email": "eve@lab.example", "email_verified": True},
        {"sub": "8", "email": "ann@lab.example", "email_verified": False},
        {"sub": "8", "email": "ann@lab.example", "email_verified": "true"},
        {"sub": "8"},
    ],
)
def test_who_is_not_bound_stays_outside(
    provider: Provider, client: FlaskClient, claims: dict[str, object]
) -> None:
    provider.claims = claims
    response = client.get(provider.authorize(go_there(client)))
    assert response.status_code == 403
    assert "This account lets nobody in here." in response.get_data(as_text=True)
    assert client.get("/admin").status_code == 403


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"aud": "another-client"},
        {"iss": "https://id.example"},
        {"exp": int(time.time()) - 600},
        {"sub": ""},
        {"sub": 7},
    ],
)
def test_what_the_provider_signed_for_something_else_is_not_believed(
    provider: Provider, client: FlaskClient, lie: dict[str, object]
) -> None:
    provider.token = lie
    response = client.get(provider.authorize(go_there(client)))
    assert response.status_code == 502
    assert client.get("/admin").status_code == 403


def test_a_signature_of_somebody_else_is_not_believed(provider: Provider, client: FlaskClient) -> None:
    provider.key = ECKey.generate_key("P-256", {"kid": "one"})
    assert client.get(provider.authorize(go_there(client))).status_code == 502
    assert client.get("/admin").status_code == 403


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    provider: Provider, client: FlaskClient, arena: small.SmallArena
) -> None:
    """The way back of an attacker's own sign-in, and one with another state or a code used before."""
    back = provider.authorize(go_there(client))
    victim = arena.app.test_client()
    assert victim.get(back).status_code == 403, "no cookie"
    go_there(victim)
    assert victim.get(back).status_code == 403, "another state"
    assert client.get(back).status_code == 200
    assert client.get(back).status_code == 403, "it was used"
    assert victim.get("/admin").status_code == 403


def test_a_session_from_before_ends(provider: Provider, client: FlaskClient, arena: small.SmallArena) -> None:
    client.get(provider.authorize(go_there(client)))
    first = client.get_cookie("operator", path="/admin")
    client.get(provider.authorize(go_there(client)))
    second = client.get_cookie("operator", path="/admin")
    assert first
    assert second
    assert first.value != second.value
    other = arena.app.test_client()
    other.set_cookie("operator", first.value, path="/admin")
    assert other.get("/admin").status_code == 403


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://id.example"}, {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": None}],
)
def test_a_provider_that_does_not_describe_itself_is_not_asked(
    provider: Provider, client: FlaskClient, metadata: dict[str, object]
) -> None:
    provider.metadata = metadata
    response = client.get("/admin/openid")
    assert response.status_code == 502
    assert "Nobody was let in" in response.get_data(as_text=True)


def test_a_provider_that_is_away_is_told(client: FlaskClient, provider: Provider) -> None:
    provider.close()
    assert client.get("/admin/openid").status_code == 502


def test_without_a_provider_there_is_no_button_and_no_way(tmp_path: Path) -> None:
    arena = small.empty_arena(tmp_path / "other")
    client = arena.app.test_client()
    assert "/admin/openid" not in read(client.get("/admin/sign-in")).links
    assert client.get("/admin/openid").status_code == 404
    assert client.get("/admin/openid/back?code=x&state=y").status_code == 403
    arena.close()


@pytest.mark.parametrize(
    "environ",
    [
        {"ARENA_OIDC_ISSUER": "http://id.example", "ARENA_OIDC_CLIENT_ID": "x"},
        {"ARENA_OIDC_ISSUER": "https://id.example"},
    ],
)
def test_settings_that_would_let_in_anybody_are_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="ARENA_OIDC"):
        small.settings_in(tmp_path, **environ)
