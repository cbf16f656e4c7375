"""The commands of the README and of docs/ work as printed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import train
from tratree.composition import compose_config
from tratree.method_plugins import METHODS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(r"```bash\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]
SESSIONS = [
    [shlex.split(line, comments=True) for line in block.splitlines() if line] for block in BLOCKS
]
COMMANDS = [command for session in SESSIONS for command in session]
WITH_TRATREE = [s for s in SESSIONS if any(command[0] == "tratree" for command in s)]
WITHOUT = [command for s in SESSIONS if s not in WITH_TRATREE for command in s]
NEEDS_GPU = "trainer=gpu"


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_readme_has_commands() -> None:
    assert len(COMMANDS) >= 8
    assert {command[0] for command in COMMANDS} == {"make", "python", "tratree"}


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] == "make"], ids=" ".join)
def test_make_targets_exist(command: list[str]) -> None:
    done = run(["make", "--dry-run", *command[1:]], ROOT)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "readme-store"


def run_python(command: list[str], folder: Path, store: Path) -> None:
    """Run to its end at the size of debug=smoke; what needs a GPU is composed."""
    assert command[:2] == ["python", "train.py"]
    arguments = command[2:]
    if NEEDS_GPU in command:
        arguments += ["--cfg", "job"]
    elif "--help" not in command:
        arguments += ["debug=smoke", f"store={store}", "expert.tasks=6", "seed=0"]
    done = train(*arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    if "debug=smoke" in arguments:
        assert list(folder.rglob("results.json"))


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in WITHOUT if c[0] == "python"], ids=" ".join)
def test_python_commands_run(command: list[str], tmp_path: Path, store: Path) -> None:
    run_python(command, tmp_path, store)


PAGES = ("report", "view", "summarize")
"""Commands that write one."""


@pytest.mark.slow
@pytest.mark.parametrize("session", WITH_TRATREE, ids=lambda session: " ".join(session[-1]))
def test_sessions_with_tratree_run(session: list[list[str]], tmp_path: Path, store: Path) -> None:
    """The commands of a block run one after the other in one folder."""
    for command in session:
        if command[0] == "python":
            run_python(command, tmp_path, store)
        else:
            script = Path(sys.executable).with_name(command[0])
            done = run([str(script), *command[1:]], tmp_path)
            assert done.returncode == 0, done.stderr
    if any(command[1] in PAGES for command in session):
        assert list(tmp_path.rglob("*.html"))


def test_the_page_about_labels_of_ones_own_has_a_method_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "how-to" / "own-labels.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_labels.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    config = compose_config(["method=outside", "method.target=my_labels:MY_LABELS"])
    imitation = METHODS.find("my_labels:MY_LABELS").train(config)
    found, waiting = set(), [imitation]
    while waiting:
        stage = waiting.pop()
        found.add(stage.name)
        waiting += stage.inputs.values()
    assert {"my_labels", "explore", "trees", "paths", "imitate"} <= found


def test_every_command_to_run_in_the_docs_composes() -> None:
    """Those of pages that only show them; what needs files of a reader is left out."""
    commands = []
    for page in sorted((ROOT / "docs").rglob("*.md")):
        blocks = re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        commands += [shlex.split(line) for line in lines if line.startswith("tratree run ")]
    assert len(commands) > 10
    for command in commands:
        words = [word for word in command[2:] if "=" in word]
        groups = [word for word in words if not word.startswith("hydra")]
        if "--config-dir" not in command and "method=mcts_dpo" not in command:
            compose_config([word if "[" in word else word.split(",")[0] for word in groups])
