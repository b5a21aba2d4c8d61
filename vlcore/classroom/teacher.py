"""The role of a teacher without accounts: a secret that the server knows, and a token of it that a
browser keeps.

``VLCORE_TEACHER`` holds the secret. Whoever enters it gets a token, which says until when it holds
and is signed with a key that is derived from the secret: the secret itself is kept nowhere, and
another one makes all tokens worthless.
"""

import functools
import hashlib
import hmac
import os
import time
from enum import StrEnum

from vlcore.classroom.throttle import Tries
from vlcore.experiment import limits
from vlcore.experiment.errors import LabError

LIFETIME = 30 * 24 * 3600  # seconds that a browser is known for


class RightError(LabError):
    """Something that a visitor may not do; the message says who may."""


class Right(StrEnum):
    """What only a teacher may do, in words."""

    STUDIES = f"train more than {limits.TRAININGS} models with one click"
    HUB = "bring a checkpoint of the hub"
    SETS = "make image sets"
    MANAGE = "look after this server"


_tries = Tries(limits.SECRETS, limits.SECRETS_OF_ADDRESS)


def is_named() -> bool:
    """Whether this server knows a secret."""
    return bool(_secret())


def sign_in(typed: str, browser: str, address: str) -> str:
    """The token for whoever knows the secret; RightError for a wrong one, and for any of a browser
    without tries."""
    if not _tries.are_left(browser, address):
        raise RightError("There were many wrong secrets; try again in a minute.")
    if not is_named() or not hmac.compare_digest(typed.encode(), _secret().encode()):
        _tries.count(browser, address)
        raise RightError(
            "This is not the secret; it is what VLCORE_TEACHER was set to as the server was"
            " started."
        )
    until = str(int(time.time()) + LIFETIME)
    return f"{until}-{_signature(until)}"


def knows(token: str) -> bool:
    """Whether a token is one that was given for the secret of now, and still holds."""
    until, _, signature = token.partition("-")
    holds = until.isascii() and until.isdigit() and len(until) < 12 and time.time() < int(until)
    return (
        is_named() and holds and hmac.compare_digest(signature.encode(), _signature(until).encode())
    )


def how_to() -> str:
    """How somebody becomes a teacher of this server."""
    if is_named():
        return "a teacher opens the page /Manage and enters the secret"
    return (
        "who runs this server sets VLCORE_TEACHER to a secret, and a teacher enters it on the page"
        " /Manage"
    )


def _secret() -> str:
    return os.environ.get("VLCORE_TEACHER", "")


def _signature(until: str) -> str:
    return hmac.new(_key(_secret()), until.encode(), "sha256").hexdigest()


@functools.lru_cache(maxsize=1)
def _key(secret: str) -> bytes:
    """Takes a tenth of a second, so that nobody tries words against a token that was overheard."""
    return hashlib.scrypt(secret.encode(), salt=b"vl-bias-lab", n=2**14, r=8, p=1)
