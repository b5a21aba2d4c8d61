"""Results that a process makes once, whichever threads ask for them."""

from collections.abc import Callable
from functools import lru_cache, wraps
from threading import RLock
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


def made_once(maxsize: int) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Keep the latest results of a function, as `functools.lru_cache` does.

    Whoever calls while a result is made waits, also for another result: thirty pages that begin
    together would else make it thirty times, each of them late. `cache_clear` of the function
    forgets the results.
    """

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        cached, making = lru_cache(maxsize)(function), RLock()

        @wraps(function)
        def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            with making:
                return cached(*args, **kwargs)  # type: ignore[arg-type]

        call.cache_clear = cached.cache_clear  # type: ignore[attr-defined]
        return call

    return decorate
