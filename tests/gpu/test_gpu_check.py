"""The check of GPUs: without one, what can run does, and the rest says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.gpu.__main__ import GROUPS, _rows_apart, main, rows_of
from tests.gpu.place import Place, ask_driver
from tests.policy.driver_stand_in import four_gpus


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
    # Runs are tested elsewhere, by the same trainers on the CPU: they take minutes here.
    groups = [group for group in GROUPS if group != "jobs"]
    assert main([*groups, "--device", "cpu", "--size", "tiny", "--page", str(page)]) == 0
    said = page.read_text("utf-8")
    rows = [line for line in said.splitlines() if line.startswith("| ")]
    measured = [row for row in rows if row.endswith("| right |")]
    assert len(measured) >= 20
    left = [row for row in rows if row.endswith("| unknown |")]
    assert all("needs" in row for row in left)
    assert len(measured) + len(left) == len(rows) - len(groups)  # each table has a line of titles
    assert all(f"## {group.capitalize()}" in said for group in groups)
    assert f"**{len(measured)} right, 0 wrong**, {len(left)} not measured here." in said
    assert "WRONG" not in capsys.readouterr().out


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("torch finds no GPU here")


def test_a_group_in_a_process_of_its_own_ends_with_a_row_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.gpu.__main__.LONGEST", 0.5)
    [row] = _rows_apart("machine", Place("cpu", "tiny", tmp_path))  # it is still importing
    assert (row.found, row.right) == ("no answer for 0 s", False)


def test_what_the_driver_says_is_of_the_gpus_that_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four_gpus(tmp_path, monkeypatch)
    program = tmp_path / "driver" / "nvidia-smi"
    rows = "\n".join(f"GPU-{n}-b0de, {10 * n}" for n in range(4))
    asked = program.read_text("utf-8").replace("#!/bin/sh", "")
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --query-gpu=uuid,utilization.gpu ]; then cat <<END\n{rows}\nEND\n'
        f"exit; fi\n{asked}",
        encoding="utf-8",
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    assert ask_driver("utilization.gpu") == ["30", "10"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-b0de")
    with pytest.raises(LookupError, match="shows none"):
        ask_driver("utilization.gpu")
