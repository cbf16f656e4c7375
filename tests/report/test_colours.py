"""Colours: told apart from their page, light and dark; drawings follow the page."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.colors import to_rgb

from tratree.report.colours import SCORE_LEVELS, SYSTEMS, score_colours, style_of, themed


def light(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("name", [*SYSTEMS, *(f"of another package {n}" for n in range(20))])
def test_a_system_stands_out_from_a_light_and_a_dark_page(name: str) -> None:
    style = style_of(name)
    for colour, page in ((style.light, "#ffffff"), (style.dark, "#14161a")):
        dark, bright = sorted((light(colour), light(page)))
        assert (bright + 0.05) / (dark + 0.05) >= 3


def test_no_two_systems_look_alike() -> None:
    for attribute in ("light", "dark", "marker"):
        assert len({getattr(style, attribute) for style in SYSTEMS.values()}) == len(SYSTEMS)
    # One from elsewhere has its colour by its name alone.
    assert style_of("mine") == style_of("mine")
    assert style_of("mine") not in SYSTEMS.values()


def test_a_drawing_follows_its_page() -> None:
    mcts = SYSTEMS["mcts"]
    assert themed(f"stroke: {mcts.light}") == f"stroke: light-dark({mcts.light}, {mcts.dark})"
    assert themed("fill: #123456") == "fill: #123456"  # of nothing that is known


def test_scores_go_from_low_to_high() -> None:
    colours = [score_colours()(n) for n in range(SCORE_LEVELS)]
    assert all(one != other for one, other in pairwise(colours))
