"""The check of GPUs: without one, what can run does, and the rest says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.gpu.__main__ import GROUPS, main, rows_of
from tests.gpu.place import Place


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here")
@pytest.mark.parametrize("group", GROUPS)
def test_everything_is_right_on_this_machine(tmp_path: Path, group: str) -> None:
    wrong = [row for row in rows_of(group, Place("cuda", "full", tmp_path)) if row.right is False]
    assert not wrong


@pytest.mark.slow
def test_the_check_runs_on_a_cpu_as_far_as_it_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    assert main(["--device", "cpu", "--size", "tiny", "--page", str(page)]) == 0
    said = page.read_text("utf-8")
    rows = [line for line in said.splitlines() if line.startswith("| ")]
    measured = [row for row in rows if row.endswith("| right |")]
    assert len(measured) >= 20
    left = [row for row in rows if row.endswith("| unknown |")]
    assert all("needs" in row for row in left)
    assert len(measured) + len(left) == len(rows) - len(GROUPS)  # each table has a line of titles
    assert all(f"## {group.capitalize()}" in said for group in GROUPS)
    assert "WRONG" not in capsys.readouterr().out


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("torch finds no GPU here")
