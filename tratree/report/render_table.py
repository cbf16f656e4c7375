"""A table of texts in Markdown and in HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence

import rich.box
import rich.table
from markupsafe import Markup
from rich.text import Text

Table = Sequence[Sequence[str]]
"""The header, then the rows."""

BETWEEN = 3
"""Letters between two columns of a terminal's table."""

SHORT = 12
"""Letters of a word that a terminal's table does not cut where it is narrow."""
_NUMBER = re.compile(r"[\[<>+\-−]*\d[\d.,\[\] +\-−±%]*(\(\d+ seeds?\))?")


def markdown_table(table: Table) -> str:
    """Return `table` in Markdown."""
    header, *others = table
    lines = [header, ["---"] * len(header), *others]
    escaped = ([" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def number_columns(table: Table) -> list[bool]:
    """Return for each column of `table` whether it has numbers and nothing else."""
    _, *others = table
    columns = zip(*others, strict=True) if others else ((),) * len(table[0])
    found = ([cell for cell in column if cell not in ("", "–")] for column in columns)
    return [bool(cells) and all(map(_NUMBER.fullmatch, cells)) for cells in found]


def fitting(table: Table, width: int, left_out: Sequence[str], gutter: int) -> Table:
    """Return `table` without as many of its columns as it takes to fit.

    Args:
        table: Whose cells are not wrapped.
        width: Letters of a line.
        left_out: Names of the columns to leave out, the first ones first.
        gutter: Letters between two columns.
    """
    for name in left_out:
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        if sum(widths) + gutter * (len(widths) - 1) <= width:
            break
        kept = [number for number, column in enumerate(table[0]) if column != name]
        table = [[row[number] for number in kept] for row in table]
    return table


def terminal_table(table: Table) -> rich.table.Table:
    """Return `table` for a terminal, numbers to the right; long cells are wrapped, never cut."""
    columns = zip(*table, strict=True)
    made = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for column, number in zip(columns, number_columns(table), strict=True):
        words = (word for cell in column for word in cell.split())
        made.add_column(
            Text(column[0]),
            justify="right" if number else "left",
            overflow="fold",
            min_width=min(SHORT, max(map(len, words), default=0)),
        )
    for line in table[1:]:
        made.add_row(*map(Text, line))
    return made


def html_table(table: Table) -> Markup:
    """Return `table` in HTML, numbers to the right; it scrolls where it is wider than the page.

    A cell that is markup stays so; any other text is escaped.
    """
    header, *others = table
    numbers = number_columns(table)
    head, body = _row(header, "th", numbers), [_row(line, "td", numbers) for line in others]
    wrap = Markup("<section><table><thead>{}</thead><tbody>{}</tbody></table></section>")
    return wrap.format(head, Markup("").join(body))


def _row(cells: Sequence[str], tag: str, numbers: Sequence[bool]) -> Markup:
    marks = (Markup(" class='number'") if number else Markup("") for number in numbers)
    made = (
        Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), mark, cell)
        for mark, cell in zip(marks, cells, strict=True)
    )
    return Markup("<tr>{}</tr>").format(Markup("").join(made))
