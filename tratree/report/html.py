"""Elements of HTML pages of results."""

from __future__ import annotations

import io
from html import escape
from typing import Any

import matplotlib
from matplotlib.figure import Figure

EQUAL_BYTES: Any = {"svg.hashsalt": "tratree", "svg.fonttype": "none"}
"""Settings of matplotlib with which equal figures give equal files."""

# A name is shown as it is, also where it looks like a formula.
matplotlib.rcParams["text.parse_math"] = False

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")


def svg(figure: Figure) -> str:
    """Return `figure` as an SVG file; equal figures give equal bytes."""
    text = io.StringIO()
    with matplotlib.rc_context(EQUAL_BYTES):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def html_figure(figure: Figure, label: str, caption: str = "") -> str:
    """Return `figure` as an element of a page.

    Args:
        figure: The drawing.
        label: Says what it shows to those who do not see it.
        caption: HTML below it.
    """
    text = svg(figure)
    drawing = text[text.index("<svg") :].replace("<svg", "<svg role='img'", 1)
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure aria-label='{escape(label, quote=True)}'>{drawing}{below}</figure>"
