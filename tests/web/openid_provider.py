"""A small OpenID provider on this machine: discovery, authorisation, token and keys, and answers that lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT, SECRET = "vernissage", "of-the-provider-alone"


class Provider:
    """Signs in whoever asks, as ``claims`` says; ``token`` lies in an ID token, ``key`` in its signature."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"sub": "7", "email": "ann@lab.example", "email_verified": True}
        self.token: dict[str, Any] = {}
        self.key = self.known_key = ECKey.generate_key("P-256", {"kid": "one"})
        self.metadata: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    self.answer(provider.described())
                elif self.path == "/keys":
                    self.answer({"keys": [provider.known_key.as_dict(private=False)]})
                else:
                    self.answer({}, 404)

            def do_POST(self) -> None:
                sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                scheme, _, told = self.headers.get("Authorization", "").partition(" ")
                known = scheme == "Basic" and base64.b64decode(told).decode() == f"{CLIENT}:{SECRET}"
                asked = provider.codes.pop(sent.get("code", [""])[0], None)
                if self.path != "/token" or not known or asked is None:
                    self.answer({"error": "invalid_grant"}, 400)
                    return
                digest = hashlib.sha256(sent.get("code_verifier", [""])[0].encode()).digest()
                if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
                    self.answer({"error": "invalid_grant"}, 400)
                    return
                self.answer(
                    {"access_token": "x", "token_type": "Bearer", "id_token": provider.signed(asked["nonce"])}
                )

            def answer(self, told: dict[str, Any], status: int = 200) -> None:
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def described(self) -> dict[str, Any]:
        """What discovery says."""
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return {**told, **self.metadata}

    def signed(self, nonce: str) -> str:
        """An ID token."""
        now = int(time.time())
        told = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce}
        return jwt.encode({"alg": "ES256", "kid": "one"}, {**told, **self.claims, **self.token}, self.key)

    def authorize(self, address: str) -> str:
        """Say yes to what a browser was sent with; the way back, with its question."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return urlsplit(asked["redirect_uri"]).path + "?" + urlencode({"code": code, "state": asked["state"]})

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()
