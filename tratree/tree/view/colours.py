"""The colours of mean scores from 0 to 1, the same in every drawing of trees."""

from __future__ import annotations

from types import MappingProxyType

SCORES = MappingProxyType(
    {
        "low": ("#c8500a", "#f58a4b"),
        "middle": ("#8d8d8d", "#9a9a9a"),
        "high": ("#0a68ad", "#58b0f0"),
    }
)
"""Of the scores 0, 0.5 and 1, each for a light and for a dark page."""


def score_variables() -> str:
    """Return them as CSS variables, which follow the colour scheme of the page."""
    lines = (f"--score-{name}: light-dark({a}, {b});" for name, (a, b) in SCORES.items())
    return f":root {{ {' '.join(lines)} }}\n"
