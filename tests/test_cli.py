"""The command line: help, and one line for every kind of bad input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands


def train(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return commands.train(*arguments, f"store={folder}/store", folder=folder)


def imported(script: str, folder: Path) -> tuple[set[str], str]:
    """Return the modules that a program has imported at its end, and what it has said."""
    told = folder / "modules.txt"
    tell = f"open({str(told)!r}, 'w').write(' '.join(sys.modules))"
    script = f"import atexit, sys; atexit.register(lambda: {tell}); {script}"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(told.read_text().split()), done.stdout


def test_help_shows_the_groups_and_imports_nothing_heavy(tmp_path: Path) -> None:
    script = "sys.argv = ['train.py', '--help']; import tratree.cli as c; c.main()"
    modules, said = imported(script, tmp_path)
    heavy = {"torch", "transformers", "lightning", "textworld", "numba"}
    assert not modules & (heavy | {"submitit", "wandb", "matplotlib"})
    for group in ("env: alfworld", "method: ", "model: ", "explore: ", "tree: ", "trainer: "):
        assert group in said


@pytest.mark.parametrize("module", ["run_trees", "run_record", "sweep_progress"])
def test_reading_a_run_does_not_import_what_a_run_needs(module: str, tmp_path: Path) -> None:
    modules, _ = imported(f"import tratree.runs.{module}", tmp_path)
    assert not modules & {"torch", "transformers", "lightning", "textworld"}


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("methd=mcts", "'methd'. There is no such key"),
        ("env=nowhere", "Available options in 'env': alfworld"),
        ("method=magic", "Available options in 'method':"),
        ("method.bet=0.1", "'method.bet'. There is no such key"),
        ("env.gams=generated", "'env.gams'. There is no such key"),
        ("method.beta=abc", "could not be converted to Float"),
        ("env.max_steps=abc", "full_key: max_steps"),
        ("seed=-1", "seed=-1 is too small"),
        ("tree.xi_sim=3", "between 0 and 1"),
        ("method.beta=0", "must be above 0"),
        ("tree.similarity=psychic", "use one of exact, minilm, ngrams"),
        ("evaluation.splits=[nowhere]", "evaluation.splits=nowhere is not known"),
        ("env.games=bought", "use generated or official"),
        ("rollout.env_threads=4", "alfworld does not, set it to 0"),
        ("env.difficulty=impossible", "small"),
        ("model.preference.batch_size=0", "model.preference: batch_size is 0: set it to 1 or more"),
        ("model.lora.rank=0", "lora.rank is 0"),
        ("model.attention=flex_attention", "trains on GPUs only: use trainer=gpu"),
        ("trainer.precision=bf16", "use one of 32-true, bf16-mixed"),
        ("expert.tasks=1000000", "at most 600"),
        ("model.weak.name=/no/such/folder", "/no/such/folder"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(
    argument: str, said: str, tmp_path: Path
) -> None:
    done = train(argument, folder=tmp_path)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert done.stderr.splitlines()[-1] == errors[0]
    assert said in errors[0]
    assert "Traceback" not in done.stderr


def test_a_sweep_goes_on_after_a_failure_and_lists_all(tmp_path: Path) -> None:
    done = train("-m", "model.weak.name=/no/such/folder,/nor/this", "debug=smoke", folder=tmp_path)
    assert done.returncode == 1
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 2, done.stderr
    for number, name in enumerate(("/no/such/folder", "/nor/this")):
        assert failed[number].startswith(f"failed: {number}: ")
        assert f"model {name}: {name} holds no config.json" in failed[number]
    assert done.stderr.splitlines()[-1].startswith("error: 2 of the points")


def test_what_failed_in_a_folder_before_does_not_hide_another_error(tmp_path: Path) -> None:
    sweep = ("-m", "debug=smoke", "hydra.sweep.dir=sweep")
    done = train(*sweep, "model.weak.name=/no/such/folder", folder=tmp_path)
    assert done.stderr.splitlines()[-1].startswith("error: 1 of the points")
    done = train(*sweep, "method=mcts,magic", folder=tmp_path)
    assert done.returncode == 1
    assert "failed: " not in done.stderr
    assert "Available options in 'method':" in done.stderr.splitlines()[-1]
    assert (tmp_path / "sweep/0/failure.json").exists()


@pytest.mark.slow
def test_points_as_processes_give_what_points_in_a_row_give(tmp_path: Path) -> None:
    points = ("-m", "tree.width=2,3", "debug=smoke")
    folders = []
    for name, launcher in (("processes", ["hydra/launcher=submitit_local"]), ("row", [])):
        done = train(*points, *launcher, f"hydra.sweep.dir={name}", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        folders.append(tmp_path / name)
    logs = "".join(path.read_text() for path in folders[0].rglob(".submitit/*/*_log.err"))
    for stage in ("sft weak", "sft strong", "explore"):
        assert logs.count(f"+ {stage}: done") == 1
    assert logs.count("+ imitate: done") == 2
    assert "+ imitate: done" not in done.stderr  # all of it is in the store
    for number in ("0", "1"):
        processes, row = (folder / number / "results.json" for folder in folders)
        assert processes.read_bytes() == row.read_bytes()


def test_missing_official_games(tmp_path: Path) -> None:
    done = train("env.games=official", f"env.data={tmp_path}/none", folder=tmp_path)
    assert done.returncode == 1
    assert "set env.data to the folder of the released games" in done.stderr.splitlines()[-1]
