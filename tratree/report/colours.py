"""Colours of everything that is drawn: one for each system, wherever it is shown.

A figure is drawn for a light page; `themed` lets it follow the page into the dark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_hex

from tratree.tree.view.colours import SCORES

INK, SOFT, LINE, PAGE = "#1b1e23", "#565d67", "#d0d5db", "#ffffff"
"""Of text, of what matters less, of lines, and of the page, where it is light."""


@dataclass(frozen=True)
class Style:
    """The look of a system in drawings.

    Attributes:
        light: Colour on a light page, with a contrast of at least 3 to it.
        dark: Colour on a dark page, likewise.
        marker: Of matplotlib, for those who can't tell the colours apart.
    """

    light: str
    dark: str
    marker: str


SYSTEMS: Mapping[str, Style] = MappingProxyType(
    {
        "sft_weak": Style("#7a828e", "#98a1ae", "o"),
        "sft_strong": Style("#3c4350", "#d3d9e2", "s"),
        "ceiling": Style("#a3122e", "#ff7a8f", "*"),
        "mcts": Style("#0072b2", "#5ab4f0", "D"),
        "tree_dpo": Style("#d55e00", "#ff9548", "^"),
        "advantage": Style("#3d55c9", "#93a5ff", "d"),
        "kto": Style("#d6336c", "#ffa8c5", "H"),
        "step_dpo": Style("#a97700", "#e6b400", "v"),
        "unstructured_dpo": Style("#a83279", "#ec84c2", "<"),
        "eto": Style("#6f4bb0", "#b79cf2", ">"),
        "rejection": Style("#00805a", "#33c495", "P"),
        "success_only": Style("#3a7d1e", "#86cf5f", "X"),
        "naive_w2s": Style("#85603f", "#cda27b", "p"),
        "best_of_n": Style("#1f8a99", "#5fd0df", "h"),
    }
)
"""The systems that come with the package."""

_OTHERS = (
    *(Style("#5c6f00", "#b5cc3d", "v"), Style("#94518f", "#d79ad2", "^")),
    *(Style("#b04a3a", "#f09a8b", "8"), Style("#3f5fa8", "#94b0f5", "o")),
)

SCORE_LEVELS = 21


def style_of(system: str) -> Style:
    """Return the style of a system; that of one from elsewhere depends on its name alone."""
    if system in SYSTEMS:
        return SYSTEMS[system]
    return _OTHERS[sha256(system.encode()).digest()[0] % len(_OTHERS)]


def score_colours(scheme: int = 0) -> ListedColormap:
    """Return the scale of mean scores from 0 to 1 for a light page, or for a dark one (1)."""
    ends = [pair[scheme] for pair in SCORES.values()]
    return LinearSegmentedColormap.from_list("score", ends).resampled(SCORE_LEVELS)  # type: ignore[return-value]


def _dark_colours() -> dict[str, str]:
    """Return the colour on a dark page for each colour of drawings on a light one."""
    pairs = {s.light: s.dark for s in (*SYSTEMS.values(), *_OTHERS)}
    light, dark = ([to_hex(scale(n)) for n in range(SCORE_LEVELS)] for scale in _scales())
    pairs |= dict(zip(light, dark, strict=True))
    pairs |= {INK: "#e7e9ec", SOFT: "#a3abb6", LINE: "#3a414b", PAGE: "#14161a"}
    # What matplotlib takes by itself.
    return pairs | {"#000000": pairs[INK], "#b0b0b0": pairs[LINE], "#cccccc": pairs[LINE]}


def _scales() -> tuple[ListedColormap, ListedColormap]:
    return score_colours(0), score_colours(1)


_DARK = _dark_colours()
_COLOUR = re.compile(r"(fill|stroke|stop-color): (#[0-9a-f]{6})\b")


def themed(drawing: str) -> str:
    """Return an SVG drawing whose colours follow the colour scheme of the page it is in."""

    def both(found: re.Match[str]) -> str:
        light = found[2]
        dark = _DARK.get(light)
        return found[0] if dark is None else f"{found[1]}: light-dark({light}, {dark})"

    return _COLOUR.sub(both, drawing)
