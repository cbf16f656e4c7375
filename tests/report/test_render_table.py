"""Tables in a terminal: what does not fit is left out or wrapped, never cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tratree.report.render_table import terminal_table

TABLE = [
    ["env", "split", "system", "seeds", "reward", "to sft_strong", "p (Holm)", "gap to strong"],
    ["alfworld", "unseen", "sft_weak", "2", "0.0 [0.0, 0.0]", "-87.5 ± 158.8", "0.4517", ""],
    ["alfworld", "unseen", "tree_dpo", "2", "62.5 [0.0, 100.0]", "-25.0 ± 317.7", "1.0000", "0.75"],
]


def printed(width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(terminal_table(TABLE, width, ("gap to strong", "p (Holm)")))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_number_is_cut_or_wrapped(width: int) -> None:
    said = printed(width)
    assert max(map(len, said.splitlines())) <= width
    missing = {cell for row in TABLE[1:] for cell in row if cell not in said}
    assert missing == ({"0.4517", "1.0000", "0.75"} if width == 80 else set())


def test_a_long_text_is_wrapped() -> None:
    console = Console(file=io.StringIO(), width=40)
    table = [["point", "status"], ["0", "a reason that is longer than its line is wide " * 2]]
    console.print(terminal_table(table, 40))
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert " ".join(said.split()).count("longer") == 2
