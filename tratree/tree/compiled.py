"""Loops over arrays, compiled with numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile with numba, once per machine if any folder for its cache can be written.

    Args:
        function: What to compile.
        options: Of numba's ``njit``.
    """
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)
