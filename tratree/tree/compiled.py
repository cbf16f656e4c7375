"""Loops over arrays, compiled with numba."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile with numba, once per machine if any folder for its cache can be written.

    numba is imported with the first call: it takes longer than all else here. The function calls no
    other compiled one; `options` are those of numba's ``njit``.
    """

    @cache
    def made() -> Callable[..., Any]:
        from numba import njit

        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            return njit(**options)(function)

    @wraps(function)
    def call(*arguments: Any) -> Any:
        return made()(*arguments)

    return call
