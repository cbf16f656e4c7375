"""TextWorld's own engine, which games are compared with."""

from __future__ import annotations

import sys

import pytest

needs_stock_engine = pytest.mark.skipif(
    sys.version_info >= (3, 13),
    reason="TextWorld 1.7 itself cannot play on Python 3.13: its pull request 372 is open",
)
