"""Teacher role without accounts: a secret of the server, and a token that a browser keeps.

``VLCORE_TEACHER`` holds the secret. A visitor who enters it gets a token with its end date, signed
with a key that is derived from the secret: the secret itself is stored nowhere, and another secret
makes all tokens worthless.
"""

import functools
import hashlib
import hmac
import os
import time
from enum import StrEnum

from vlcore.experiment import limits
from vlcore.experiment.errors import LabError

LIFETIME = 30 * 24 * 3600  # seconds that a token is valid


class RightError(LabError):
    """A visitor may not do this; the message says who may."""


class Right(StrEnum):
    """An action that only a teacher may take, in words."""

    STUDIES = f"train more than {limits.TRAININGS} models with one click"
    SETS = "make image sets"
    MANAGE = "look after this server"


def is_named() -> bool:
    """Whether this server has a secret."""
    return bool(_secret())


def sign_in_teacher(typed: str) -> str:
    """Return a token for the secret; RightError for a wrong one."""
    if not is_named() or not hmac.compare_digest(typed.encode(), _secret().encode()):
        raise RightError(
            "This is not the secret; it is what VLCORE_TEACHER was set to as the server was"
            " started."
        )
    until = str(int(time.time()) + LIFETIME)
    return f"{until}-{_signature(until)}"


def knows(token: str) -> bool:
    """Whether a token was given for the current secret and is still valid."""
    until, _, signature = token.partition("-")
    is_date = until.isascii() and until.isdigit() and len(until) < 12
    if not is_named() or not is_date or time.time() >= int(until):
        return False
    return hmac.compare_digest(signature.encode(), _signature(until).encode())


def how_to() -> str:
    """Say how a visitor becomes a teacher of this server."""
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
    """Derive a key in a tenth of a second, against guessing the secret from an overheard token."""
    return hashlib.scrypt(secret.encode(), salt=b"vl-bias-lab", n=2**14, r=8, p=1)
