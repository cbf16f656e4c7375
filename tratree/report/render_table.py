"""A table of texts in Markdown and in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Table = Sequence[Sequence[str]]
"""The header, then the rows."""


def markdown_table(table: Table) -> str:
    """Return `table` in Markdown."""
    header, *others = table
    lines = [header, ["---"] * len(header), *others]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def html_table(table: Table) -> str:
    """Return `table` in HTML; it scrolls by itself where it is wider than the page."""
    header, *others = table
    lines = [_row(header, "th"), *(_row(line, "td") for line in others)]
    return f"<section><table>{''.join(lines)}</table></section>"


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
