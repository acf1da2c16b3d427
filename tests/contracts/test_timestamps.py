"""Credentials with a timestamp outlive their leaf, for whoever trusts the authority that gave it."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from arena.media import authority
from arena.media.credentials import PICTURE, State, read, sign
from tests.web import small

OPENSSL = shutil.which("openssl")
LEAF = """
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""
ANSWERS = """
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = leaf.crt
certs = ca.crt
signer_key = leaf.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""
CREATED = {"action": "c2pa.created", "digitalSourceType": "http://example.org/source"}
MANIFEST = {
    "claim_generator_info": [{"name": "test"}],
    "assertions": [
        {"label": PICTURE, "data": {"entrant": "kiln"}},
        {"label": "c2pa.actions.v2", "data": {"actions": [CREATED]}},
    ],
}


def openssl(folder: Path, line: str) -> bytes:
    assert OPENSSL is not None
    return subprocess.run([OPENSSL, *line.split()], cwd=folder, capture_output=True, check=True).stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a timestamp authority (RFC 3161) that OpenSSL is; its certificate is ``ca.crt``."""
    (tmp_path / "leaf.ext").write_text(LEAF)
    (tmp_path / "tsa.cnf").write_text(ANSWERS)
    (tmp_path / "serial").write_text("01")
    for name in ("ca", "leaf"):
        openssl(tmp_path, f"ecparam -name prime256v1 -genkey -noout -out {name}.key")
    openssl(tmp_path, "req -x509 -new -key ca.key -subj /O=Stamps/CN=Authority -days 9 -out ca.crt")
    openssl(tmp_path, "req -new -key leaf.key -subj /O=Stamps/CN=Stamps -out leaf.csr")
    issued = "-CA ca.crt -CAkey ca.key -CAcreateserial -days 8 -extfile leaf.ext"
    openssl(tmp_path, f"x509 -req -in leaf.csr {issued} -out leaf.crt")

    class Stamps(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (tmp_path / "asked").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            answer = openssl(tmp_path, "ts -reply -config tsa.cnf -queryfile asked")
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Stamps)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


@pytest.mark.skipif(OPENSSL is None, reason="OpenSSL plays the timestamp authority")
def test_a_timestamp_outlives_the_leaf_on_a_list_with_its_authority(server: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ends = now.replace(microsecond=0) + timedelta(seconds=3)
    root, key = authority.new_key(), authority.new_key()
    ours = authority.make_authority(root, name="ours", now=now)
    chain = authority.make_leaf(
        authority.public_key_of(key), authority=ours, authority_key=root, name="leaf", now=now, ends=ends
    )
    picture = BytesIO()
    small.scribble("kiln", 1).save(picture, format="PNG")
    made = [
        sign(picture.getvalue(), MANIFEST, chain=chain, signature=key, timestamps=where)
        for where in (server, None)
    ]
    lists = {"ours": ours, "with timestamps": ours + (tmp_path / "ca.crt").read_text()}
    assert [read(data, lists).trusted_by for data in made] == ["ours", "ours"]
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds() + 1.1))
    stamped, bare = (read(data, lists) for data in made)
    assert (stamped.state, stamped.trusted_by) == (State.TRUSTED, "with timestamps")
    assert bare.state is State.INVALID
    assert read(made[0], {"ours": ours}).state is State.INVALID
