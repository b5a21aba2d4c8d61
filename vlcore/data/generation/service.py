"""Text-to-image generation by a service that speaks OpenAI's images protocol, OpenAI's own or one
at home.

Nothing of an answer is believed. It is read up to a limit of bytes and seconds, its picture is
decoded as any stranger's file is, an address in it is followed only to the service itself, and the
key is cut out of its words.

Protocol: https://platform.openai.com/docs/api-reference/images/create, errors by `openai`'s
exceptions.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from PIL import Image

from vlcore.data.decoding import UploadError, open_upload
from vlcore.data.generation.plan import GenerateError, Plan, Refused, TryAgainError, Wanted

if TYPE_CHECKING:
    import openai

TIMEOUT = 180.0  # seconds; the largest models draw for two minutes
MAX_PICTURE = 20 * 2**20  # bytes
_MAX_ANSWER = (
    MAX_PICTURE * 4 // 3 + 2**20
)  # base64 makes four bytes of three, and there are words around it
_REFUSALS = {"moderation_blocked", "content_policy_violation", "content_filter", "contentFilter"}
_LATER = {408, 409, 429, *range(500, 1000)}
_ADVICE = {  # where waiting does not help, by status
    401: "check the key in OPENAI_API_KEY",
    403: "this key may not use the model; check its rights or name another model",
    404: "check the model's name and the base URL",
}


class Service:
    """Asks a service for one picture a call."""

    batch = 1

    def __init__(self, plan: Plan, base_url: str | None = None, timeout: float = TIMEOUT) -> None:
        """Get ready; nothing is sent. `timeout` is how many seconds an answer may take."""
        import openai

        self._key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not (self._key and self._key.isascii() and self._key.isprintable()):
            raise GenerateError(
                "OPENAI_API_KEY holds no key; put the service's there (any word where it wants"
                " none)."
            )
        self._plan, self._timeout = plan, timeout
        address = base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        if _origin(address) is None:
            raise GenerateError(
                f"The base URL {address!r} is none; give one such as http://localhost:8080/v1."
            )
        self._client = openai.OpenAI(
            api_key=self._key, base_url=address, max_retries=0, timeout=timeout
        )
        # Some services answer with an address unless they are asked for the picture; some models
        # refuse the question.
        self._format: dict[str, Any] = {"response_format": "b64_json"}

    def draw(self, pictures: Sequence[Wanted]) -> list[Image.Image | Refused]:
        """One request for one picture; see `vlcore.data.generation.plan.Backend`."""
        import httpx2
        import openai

        (wanted,) = pictures
        try:
            return [self._ask(wanted)]
        except openai.APIStatusError as error:
            if (
                self._format
                and error.status_code in (400, 422)
                and "response_format" in error.message
            ):
                self._format = {}
                return self.draw(pictures)
            said = error.body.get("message") if isinstance(error.body, dict) else None
            line = "".join(c if c.isprintable() else " " for c in str(said or "no reason given"))
            words = " ".join(line.replace(self._key, "***").split())[:200].rstrip(
                "."
            )  # on one line, without the key
            status = error.status_code
            if status == 400 and error.code in _REFUSALS:
                return [Refused(words)]
            if error.code == "insufficient_quota":
                message = (
                    "The service says that the account has no credit left; add some, then go on."
                )
                raise GenerateError(message) from error
            if status in _LATER:
                raise TryAgainError(
                    f"The service answered {status}: {words}", _retry_after(error)
                ) from error
            end = f"; {_ADVICE[status]}." if status in _ADVICE else f": {words}"
            raise GenerateError(f"The service answered {status}{end}") from error
        except (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError) as error:
            raise TryAgainError(
                f"The service did not answer within {self._timeout:g} seconds"
            ) from error
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise TryAgainError(
                "The service cannot be reached; check the connection and the base URL"
            ) from error
        except UploadError as error:
            raise TryAgainError(
                f"The service sent no usable picture ({str(error).rstrip('.')})"
            ) from error

    def _ask(self, wanted: Wanted) -> Image.Image:
        """The picture of the answer to one request, RGB, its longest side at most that of an
        upload."""
        deadline = time.monotonic() + self._timeout
        size = f"{self._plan.size}x{self._plan.size}"
        request = {
            "model": self._plan.model,
            "prompt": wanted.prompt,
            "n": 1,
            "size": size,
            **self._format,
        }
        with self._client.images.with_streaming_response.generate(**request) as answer:
            content = _limited(answer.iter_bytes(), _MAX_ANSWER, deadline)
        try:
            first = json.loads(content)["data"][0]
            encoded, address = first.get("b64_json"), first.get("url")
        except (
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            raise TryAgainError(
                "The service sent something that is no answer of an images service"
            ) from error
        if isinstance(encoded, str):
            try:
                picture = base64.b64decode(encoded, validate=True)
            except ValueError as error:
                raise TryAgainError("The service sent a picture in broken base64") from error
        elif isinstance(address, str):
            picture = self._fetch(address)
        else:
            raise TryAgainError("The service sent an answer without a picture")
        return open_upload(picture, "the answer", max_bytes=MAX_PICTURE)

    def _fetch(self, address: str) -> bytes:
        """What lies at an address of the service itself."""
        import httpx2

        base, target = str(self._client.base_url), ""
        with suppress(ValueError):  # no address at all
            target = urljoin(base, address)
        if _origin(target) != _origin(base):
            advice = "choose a model that sends them in its answer (b64_json)"
            raise GenerateError(
                "The service keeps its pictures at another address, which is not followed;"
                f" {advice}."
            )
        deadline = time.monotonic() + self._timeout
        with httpx2.stream("GET", target, follow_redirects=False, timeout=self._timeout) as answer:
            if answer.status_code != 200:
                raise TryAgainError(
                    f"The service does not hand out the picture that it drew ({answer.status_code})"
                )
            return _limited(answer.iter_bytes(), MAX_PICTURE, deadline)


def _origin(address: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a web address; None where it is none."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (
        (parts.scheme, parts.hostname, port)
        if parts.hostname and parts.scheme in ("http", "https")
        else None
    )


def _limited(chunks: Iterable[bytes], most: int, deadline: float) -> bytes:
    """The bytes of an answer, which may be neither endless nor endlessly slow."""
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > most:
            raise TryAgainError(f"The service sent more than {most // 2**20} MB for one picture")
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(content)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait, given in seconds or as a date (RFC 9110,
    10.2.3)."""
    said = error.response.headers.get("retry-after", "")
    with suppress(ValueError):
        return max(0.0, float(said))
    with suppress(ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    return None
