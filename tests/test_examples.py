"""The packages of ``examples/``, installed into a fresh environment and run as their page says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ("guess_number", "mcts_dpo")
SMALL = (
    *("debug=smoke", "env.max_steps=3", "explore.tasks=20", "explore.trajectories=6"),
    *("expert.tasks=20", "tree.action_match=normalised"),
)


class Outside:
    """An environment of Python with the packages of this one, and the examples."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        self.python = folder / "venv/bin/python"
        purelib = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
        site = Path(sysconfig.get_path("purelib", vars=purelib))
        # What is installed here is found there, with the .pth files of editable packages.
        places = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        lines = [f"import site; site.addsitedir({path!r})\n" for path in places]
        (site / "packages.pth").write_text("".join(lines))

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.python, *command],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def train(self, name: str, *overrides: str) -> tuple[dict, str]:
        """Return the results and what was printed."""
        run = self.folder / name
        done = self.run(
            ROOT / "train.py", *overrides, *SMALL, f"hydra.run.dir={run}", "store=store"
        )
        return json.loads((run / "results.json").read_text()), done.stdout


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    outside = Outside(tmp_path_factory.mktemp("outside"))
    for name in EXAMPLES:  # of a copy, because a build leaves files beside the sources
        copy = shutil.copytree(ROOT / "examples" / name, outside.folder / "sources" / name)
        options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
        outside.run("-m", "pip", "install", *options, copy)
    outside.run("-m", "guess_number.make_models", "guess_number_models")
    return outside


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mcts", "tree_dpo", "mcts_dpo"])
def test_an_environment_from_outside_ends_with_a_table(outside: Outside, method: str) -> None:
    results, said = outside.train(method, "env=guess_number", f"method={method}")
    assert set(results["systems"]) == {"sft_weak", "sft_strong", method}
    assert results["env"] == "guess_number"
    assert f"guess_number, {method}, seed 0" in said
    assert "To sft_strong: the difference" in said


def tratree(outside: Outside, *arguments: str) -> str:
    code = "from tratree.cli import main; main()"
    return outside.run("-c", code, *arguments, TRATREE_STORE="store").stdout


def test_the_other_commands_know_it(outside: Outside) -> None:
    said = tratree(outside, "tasks", "env=guess_number")
    assert "find 104" in said
    assert "find 32" in said
    target = ("env=outside", "env.target=guess_number:GUESS_NUMBER", "evaluation.splits=[test]")
    said = tratree(outside, "tasks", *target, "+env.largest=20")
    assert "find 34" in said
    said = tratree(outside, "plugins")
    assert "env=guess_number" in said
    assert "preference of each tree's MCTS path" in said


@pytest.mark.slow
def test_it_keeps_the_contract(outside: Outside) -> None:
    contract = ROOT / "tests/envs/contract/test_contract.py"
    options = ("-q", "-p", "no:cacheprovider", "--environment", "guess_number")
    said = outside.run("-m", "pytest", *options, contract).stdout
    assert "passed" in said.splitlines()[-1]
    assert "failed" not in said.splitlines()[-1]
