"""Elements of HTML pages of results, and the pages themselves."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from tratree.report.colours import themed
from tratree.report.render_table import html_table
from tratree.words import counted

AS_WRITTEN: Any = {"text.parse_math": False}
"""Settings of matplotlib with which a name is drawn as it is, also where it looks like a formula;
what draws a figure is decorated with them."""

EQUAL_BYTES: Any = {**AS_WRITTEN, "svg.hashsalt": "tratree", "svg.fonttype": "none"}
"""Settings of matplotlib with which equal figures give equal files."""

WIDTH = 11.6
"""Inches of a drawing that takes the whole width of a page."""

_FOLDER = Path(__file__).parent


def svg(figure: Figure) -> str:
    """Return `figure` as an SVG file; equal figures give equal bytes."""
    text = io.StringIO()
    with matplotlib.rc_context(EQUAL_BYTES):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def html_figure(figure: Figure, label: str, caption: str = "") -> Markup:
    """Return `figure` as an element of a page, light or dark as the page is.

    Args:
        figure: The drawing.
        label: Says what it shows to those who do not see it.
        caption: Below it.
    """
    text = svg(figure)
    drawing = themed(text[text.index("<svg") :]).replace("<svg", "<svg role='img'", 1)
    below = Markup("<figcaption>{}</figcaption>").format(caption) if caption else ""
    return Markup("<figure aria-label='{}'>{}{}</figure>").format(label, Markup(drawing), below)


def render_page(template: Path, **contents: Any) -> str:
    """Return the page that a template makes of `contents`; texts in them are never markup.

    Args:
        template: Its file, which may extend ``page.html`` of this folder.
        contents: What it shows.
    """
    pages = Environment(
        loader=FileSystemLoader([template.parent, _FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"table": html_table, "counted": counted}
    style = Markup((_FOLDER / "page.css").read_text(encoding="utf-8"))
    return pages.get_template(template.name).render(page_style=style, **contents) + "\n"
