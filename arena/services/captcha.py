"""A captcha of another site, checked by HTTP as Cloudflare Turnstile, hCaptcha and reCAPTCHA have it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Final

from arena.errors import Unavailable

SECONDS: Final = 5.0
LARGEST: Final = 64 * 1024

FIELDS: Final = ("cf-turnstile-response", "h-captcha-response", "g-recaptcha-response")
"""Names under which the captchas send what they answered."""


def is_human(verify: str, *, secret: str, answer: str) -> bool:
    """Ask the captcha's own site whether an answer is good; it is good once.

    Raises
    ------
    Unavailable
        If the site does not answer, or not as it should.
    """
    if not answer:
        return False
    sent = urllib.parse.urlencode({"secret": secret, "response": answer}).encode()
    try:
        with urllib.request.urlopen(verify, sent, timeout=SECONDS) as told:  # noqa: S310 - checked: http(s)
            found = json.loads(told.read(LARGEST))
    except (OSError, ValueError) as error:
        raise Unavailable(f"the captcha could not be checked, try again in a minute: {error}") from error
    return isinstance(found, dict) and found.get("success") is True
