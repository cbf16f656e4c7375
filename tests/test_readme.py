"""The commands of the README work as printed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines() if line
]
NEEDS_GPU = "trainer=gpu"


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_readme_has_commands() -> None:
    assert len(COMMANDS) >= 8
    assert {command[0] for command in COMMANDS} == {"make", "python"}


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] == "make"], ids=" ".join)
def test_make_targets_exist(command: list[str]) -> None:
    done = run(["make", "--dry-run", *command[1:]], ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] == "python"], ids=" ".join)
def test_python_commands_run(
    command: list[str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each runs to its end at the size of debug=smoke; what needs a GPU is composed."""
    store = tmp_path_factory.getbasetemp() / "readme-store"
    arguments = [str(ROOT / command[1]), *command[2:]]
    if NEEDS_GPU in command:
        arguments += ["--cfg", "job"]
    elif "--help" not in command:
        arguments += ["debug=smoke", f"store={store}", "expert.tasks=6", "seed=0"]
    done = run([sys.executable, *arguments], tmp_path)
    assert done.returncode == 0, done.stderr
    if "debug=smoke" in arguments:
        assert list(tmp_path.rglob("results.json"))
