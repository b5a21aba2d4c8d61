"""Text-to-image generation by a service that implements OpenAI's images protocol, OpenAI's own or a
local one.

The client of `openai` waits and tries again where a service is busy or cannot be reached. The image
of an answer is decoded as any stranger's file is, and the key is cut out of error messages.

Protocol: https://platform.openai.com/docs/api-reference/images/create
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from vlcore.data.decoding import UploadError, open_upload
from vlcore.data.generation.plan import GenerateError, GenerationPlan, PlannedImage, Refused

if TYPE_CHECKING:
    import openai

DEFAULT_URL = "https://api.openai.com/v1"
TIMEOUT = 180.0  # seconds; the largest models draw for two minutes
RETRIES = 5
MAX_BYTES = 20 * 2**20  # of an image
_REFUSALS = {"moderation_blocked", "content_policy_violation", "content_filter", "contentFilter"}
_ADVICE = {  # by status
    401: "check the key in OPENAI_API_KEY",
    403: "this key may not use the model; check its rights or name another model",
    404: "check the model's name and the base URL",
}
_RESUME = "run the same again later to go on"


class Service:
    """Asks a service for one image a call."""

    batch = 1

    def __init__(
        self, plan: GenerationPlan, base_url: str | None = None, timeout: float = TIMEOUT
    ) -> None:
        """Check the key; nothing is sent."""
        import openai

        self._key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not (self._key and self._key.isascii() and self._key.isprintable()):
            raise GenerateError(
                "OPENAI_API_KEY holds no key; put the service's there (any word where it wants"
                " none)."
            )
        self._plan = plan
        # The client takes an empty variable for an address, and one without a scheme.
        address = base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
        try:
            if not address.startswith(("http://", "https://")):
                raise ValueError(address)
            self._client = openai.OpenAI(
                api_key=self._key, base_url=address, max_retries=RETRIES, timeout=timeout
            )
        except Exception as error:  # of its HTTP library: no address
            raise GenerateError(
                f"The base URL {address!r} is none; give one such as http://localhost:8080/v1."
            ) from error
        # Some services answer with an address unless they are asked for the image itself; some
        # models refuse the option.
        self._format: dict[str, Any] = {"response_format": "b64_json"}

    def draw(self, images: Sequence[PlannedImage]) -> list[Image.Image | Refused]:
        """One request for one image; see `vlcore.data.generation.plan.Backend`."""
        import openai

        (image,) = images
        try:
            answer = self._client.images.generate(
                model=self._plan.model,
                prompt=image.prompt,
                n=1,
                size=f"{self._plan.size}x{self._plan.size}",
                **self._format,
            )
            encoded = answer.data[0].b64_json
            data = base64.b64decode(encoded, validate=True)
            return [open_upload(data, "the answer", max_bytes=MAX_BYTES)]
        except openai.APIStatusError as error:
            is_unknown = error.status_code in (400, 422) and "response_format" in error.message
            if is_unknown and self._format:
                self._format = {}
                return self.draw(images)
            return [self._refusal(error)]
        except openai.APITimeoutError as error:
            raise GenerateError(f"The service did not answer in time; {_RESUME}.") from error
        except openai.APIConnectionError as error:
            raise GenerateError(
                "The service cannot be reached; check the connection and the base URL."
            ) from error
        except UploadError as error:
            why = str(error).rstrip(".")
            raise GenerateError(f"The service sent no usable image ({why}); {_RESUME}.") from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise GenerateError(
                "The service sent something that is no answer with an image in it (b64_json);"
                " check the base URL or choose another model."
            ) from error

    def _refusal(self, error: openai.APIStatusError) -> Refused:
        """A refusal of the prompt; a GenerateError where the answer is another error."""
        message = error.body.get("message") if isinstance(error.body, dict) else None
        text = str(message or "no reason given").replace(self._key, "***")
        line = "".join(letter if letter.isprintable() else " " for letter in text)
        reason = " ".join(line.split())[:200].rstrip(".")
        if error.status_code == 400 and error.code in _REFUSALS:
            return Refused(reason)
        if error.code == "insufficient_quota":
            reason = "the account has no credit left; add some, then run the same again to go on"
        advice = _ADVICE.get(error.status_code, reason)
        raise GenerateError(f"The service answered {error.status_code}: {advice}.") from error
