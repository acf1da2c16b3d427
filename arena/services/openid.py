"""Signing in at an OpenID provider: authorisation code flow with PKCE, state and nonce.

The provider's word is believed for who somebody is and nothing else: whether they may come in stands in
`arena.services.identities`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

from arena.config import Settings
from arena.errors import ArenaError, NotFound, SettingsError
from arena.services.identities import LONGEST, Account

SCOPE: Final = "openid email"
ANSWER_SECONDS: Final = 5.0
LEEWAY_SECONDS: Final = 60
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"]
"""Signatures that are believed: none that a public key could be taken for the secret of."""


class ProviderFailed(ArenaError):
    """The provider did not answer, or not as it should; nobody was let in."""

    status = 502
    code = "provider_failed"

    def __init__(self, what: str) -> None:
        super().__init__(f"the OpenID provider {what}; nobody was let in")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser was sent to the provider with; the answer has to fit it."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def anew(cls) -> Asked:
        """Three random texts of 256 bits."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider, as the settings name it; ``back`` is the address that people come back to."""

    issuer: str
    client: str
    secret: str | None
    back: str

    def way_there(self, asked: Asked) -> str:
        """The address at the provider where somebody says who they are.

        Raises
        ------
        ProviderFailed
        """
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self._metadata(session)["authorization_endpoint"],
                state=asked.state,
                nonce=asked.nonce,
                code_verifier=asked.verifier,
            )
        return str(url)

    def account(self, code: str, asked: Asked) -> Account:
        """Who somebody is, by the code that they came back with.

        Raises
        ------
        ProviderFailed
            If the code is none of theirs, or what the provider signed is for somebody or something else.
        """
        from authlib.common.errors import AuthlibBaseError
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet, KeySetSerialization
        from requests import RequestException

        try:
            with self._session() as session:
                metadata = self._metadata(session)
                token = session.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=asked.verifier,
                    timeout=ANSWER_SECONDS,
                    allow_redirects=False,
                )
                keys = KeySet.import_key_set(cast(KeySetSerialization, _json(session, metadata["jwks_uri"])))
            signed = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(
                signed.claims,
                signed.header,
                options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self.client},
                },
                params={
                    "nonce": asked.nonce,
                    "client_id": self.client,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (AuthlibBaseError, JoseError) as error:
            raise ProviderFailed(f"answered with what cannot be believed ({type(error).__name__})") from error
        except (RequestException, KeyError, TypeError, ValueError) as error:
            raise ProviderFailed(f"did not answer as it should ({type(error).__name__})") from error
        return _account(self.issuer, claims)

    def _session(self) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self.client,
            self.secret,
            scope=SCOPE,
            redirect_uri=self.back,
            code_challenge_method="S256",
        )

    def _metadata(self, session: Any) -> dict[str, str]:
        """What the provider says of itself; its addresses are as safe as its own."""
        from requests import RequestException

        try:
            told = _json(session, self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            places = {
                name: str(told[name]) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
            }
        except (RequestException, KeyError, TypeError, ValueError) as error:
            raise ProviderFailed(f"cannot be asked ({type(error).__name__})") from error
        if told.get("issuer") != self.issuer:
            raise ProviderFailed("calls itself otherwise than ARENA_OIDC_ISSUER does")
        if any(
            urlsplit(place).scheme not in {"https", urlsplit(self.issuer).scheme} for place in places.values()
        ):
            raise ProviderFailed("names an address without https")
        return places


def provider_of(settings: Settings, *, back: str) -> Provider:
    """The provider of the settings.

    Raises
    ------
    NotFound
        If none is named.
    SettingsError
        If the client is not installed.
    """
    if settings.openid_issuer is None or settings.openid_client is None:
        raise NotFound("no OpenID provider is set up here")
    try:
        import authlib.integrations.requests_client  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise SettingsError("ARENA_OIDC_ISSUER needs `pip install 'vernissage-arena[oidc]'`") from error
    return Provider(
        settings.openid_issuer, settings.openid_client, settings.openid_secret, settings.public_url + back
    )


def _json(session: Any, url: str) -> dict[str, Any]:
    answer = session.get(url, timeout=ANSWER_SECONDS, allow_redirects=False, withhold_token=True)
    answer.raise_for_status()
    told = answer.json()
    if not isinstance(told, dict):
        raise TypeError("no JSON object")
    return told


def _account(issuer: str, claims: Mapping[str, Any]) -> Account:
    """Who the claims speak of; an address counts only if the provider has verified it."""
    subject, email = claims["sub"], claims.get("email")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST:
        raise ProviderFailed("names nobody")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    return Account(issuer, subject, str(email) if verified else "")
