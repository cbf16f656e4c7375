"""The command line: help, and one line for every kind of bad input."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests import commands
from tratree.cli.completion import words
from tratree.cli.main import COMMANDS
from tratree.errors import UserError


def train(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    own_store = any(argument.startswith("store=") for argument in arguments)
    store = [] if own_store else [f"store={folder}/store"]  # the last one of a key counts
    return commands.train(*arguments, *store, folder=folder)


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
    modules, said = imported(program("run", "--help"), tmp_path)
    heavy = {"torch", "transformers", "lightning", "textworld", "numba"}
    assert not modules & (heavy | {"submitit", "wandb", "matplotlib"})
    assert "tree: default\n\nExamples:" in said
    assert not said.endswith("\n\n")
    for group in ("env: alfworld", "method: ", "model: ", "explore: ", "tree: ", "trainer: "):
        assert group in said


def program(*arguments: str) -> str:
    return f"sys.argv = {['tratree', *arguments]}; import tratree.cli as c; c.main()"


def test_alone_it_lists_all_commands_without_importing_hydra(tmp_path: Path) -> None:
    modules, said = imported(program(), tmp_path)
    assert not modules & {"hydra", "omegaconf", "pydantic", "rich", "numpy"}
    assert all(f"  {name} " in said for name in ("run", *COMMANDS))
    assert max(map(len, said.splitlines())) <= 80
    _, version = imported(program("--version"), tmp_path)
    assert version.startswith("tratree 0.")


@pytest.mark.parametrize("command", ["summarize", "progress", "store"])
def test_the_help_of_a_command_imports_no_hydra(command: str, tmp_path: Path) -> None:
    modules, said = imported(program(command, "--help"), tmp_path)
    assert said.startswith(f"usage: tratree {command}")
    assert not modules & {"hydra", "omegaconf", "pydantic", "numpy"}


def test_who_stops_reading_gets_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tratree", "settings"]
    with subprocess.Popen(
        command, cwd=commands.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    "arguments", ["settings", "tasks", "run --help", "run debug=smoke method=sft_weak"]
)
def test_output_that_cannot_be_written_is_one_line(arguments: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m tratree {arguments} >/dev/full"
    environment = {**os.environ, "PYTHONPATH": str(commands.ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    said = "error: the output can't be written: No space left on device"
    assert done.stderr.splitlines()[-1] == said
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["run debug=smoke", "tasks", "convert a b"])
def test_a_deleted_current_folder_is_one_line(arguments: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"rmdir {gone}; {sys.executable} -m tratree {arguments}"
    environment = {**os.environ, "PYTHONPATH": str(commands.ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=gone, env=environment, capture_output=True, text=True
    )
    said = "error: the current folder was deleted: change to one that exists\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_stored_run_needs_no_torch(tmp_path: Path) -> None:
    arguments = ["run", "debug=smoke", "store=store", "hydra.run.dir=run"]
    done = commands.train(*arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "run/results.json").read_bytes()
    modules, said = imported(program(*arguments), tmp_path)
    assert not modules & {"torch", "transformers", "lightning", "peft", "textworld", "matplotlib"}
    assert not modules & {"scipy.stats", "scipy.optimize", "pandas", "numba"}
    assert (tmp_path / "run/results.json").read_bytes() == first
    table = done.stdout[done.stdout.index("sft_weak") :]
    assert table.splitlines()[:6] == said[said.index("sft_weak") :].splitlines()[:6]
    log = (tmp_path / "run/tratree.log").read_text("utf-8")
    assert all(line in log for line in ("> sft weak, stage 3 of 11", "= evaluate mcts: found"))
    assert table.splitlines()[5] in log
    assert "alfworld, mcts, seed 0, so far" in done.stderr


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("raport", "`raport` is no command and no KEY=VALUE: did you mean report?"),
        ("rnu", "`rnu` is no command and no KEY=VALUE: did you mean run?"),
        ("abacus", "`tratree --help` lists the commands"),
    ],
)
def test_an_unknown_word_is_one_line(word: str, said: str, tmp_path: Path) -> None:
    done = commands.train(word, folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert said in done.stderr


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("tratree re", ["report"]),
        ("tratree run method=mc", ["method=mcts"]),
        ("tratree run seed=1 tree.xi", ["tree.xi_sim="]),
        ("tratree run tree.similarity=m", ["tree.similarity=minilm"]),
        ("tratree tasks env=w", ["env=webshop"]),
        ("tratree view ", []),
    ],
)
def test_words_that_may_end_a_line(line: str, found: list[str]) -> None:
    assert words(line) == found


def test_bash_completes_what_follows_an_equals_sign(tmp_path: Path) -> None:
    (tmp_path / "tratree").write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from tratree.cli import main; main()' \"$@\"\n"
    )
    (tmp_path / "tratree").chmod(0o755)
    line = "tratree run method=ceil"
    script = (
        f'eval "$(tratree completion bash)"; COMP_LINE="{line}"; COMP_POINT={len(line)}; '
        '_tratree; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        **{"capture_output": True, "text": True, "check": False},
    )
    assert (done.stdout, done.returncode) == ("ceiling\n", 0), done.stderr


@pytest.mark.parametrize("module", ["runs.run_trees", "runs.run_record", "sweeps.sweep_progress"])
def test_reading_a_run_does_not_import_what_a_run_needs(module: str, tmp_path: Path) -> None:
    modules, _ = imported(f"import tratree.{module}", tmp_path)
    assert not modules & {"torch", "transformers", "lightning", "textworld"}


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("methd=mcts", "there is no setting methd: did you mean method?"),
        ("tree.widht=3", "there is no setting tree.widht: did you mean tree.width?"),
        ("method.exploration=1", "method.exploration is called method.ucb_constant now"),
        (
            "env=alfwrld",
            "alfworld, outside, scienceworld, webshop: did you mean alfworld?",
        ),
        ("method=mtcs", "did you mean mcts?"),
        ("method=base", "method=base is not known: use one of advantage,"),
        ("method=null", "method=null is no choice: use one of advantage,"),
        ("experiment=null", "or leave experiment out"),
        ("model=_paper", "model=_paper is no choice: use one of llama2, "),
        ("tree=5", "tree=5 is no choice: use one of default"),
        ("env.gams=generated", "did you mean env.games?"),
        ("+env.gams=generated", "env.gams is no setting: did you mean env.games?"),
        (
            "env.max_steps=abc",
            "env.max_steps=abc is not possible: it must be a whole number",
        ),
        ("tree.xi_sim=3", "tree.xi_sim=3 is not possible: it must be a finite number from 0 to 1"),
        ("tree.similarity=psychic", "it must be one of exact, ngrams, minilm"),
        ("store=/proc/x", "set store to a folder of yours"),
        ("hydra.run.dir=/proc/x/y", "set hydra.run.dir=FOLDER to another one"),
        ("evaluation.splits=[nowhere]", "evaluation.splits=nowhere is not known"),
        ("env.games=bought", "it must be one of generated, official"),
        ("rollout.env_threads=4", "alfworld does not, set it to 0"),
        ("trainer.devices=3", "training on 3 devices: set strategy to ddp or fsdp"),
        ("model.attention=flex_attention", "trains on GPUs only: use trainer=gpu"),
        ("--nonsense", "unrecognized arguments: --nonsense"),
        ("expert.tasks=1000000", "at most 600"),
        ("model.weak.name=/no/such/folder", "/no/such/folder"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(
    argument: str, said: str, tmp_path: Path
) -> None:
    done = train(f"hydra.run.dir={tmp_path}/run", argument, folder=tmp_path)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert done.stderr.splitlines()[-1] == errors[0]
    assert said in errors[0]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_wrong_option_of_any_command_is_one_line(name: str) -> None:
    command = import_module(f"tratree.cli.{name.replace('-', '_')}").main
    with pytest.raises(UserError, match=f"`tratree {name}.* --help` shows how") as caught:
        command(["--nonsense"])
    assert "\n" not in str(caught.value)


def test_a_sweep_goes_on_after_a_failure_and_lists_all(tmp_path: Path) -> None:
    done = train("-m", "debug=smoke", "model.max_new_tokens=1015,1016", folder=tmp_path)
    assert done.returncode == 1
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 2, done.stderr
    for number, line in enumerate(failed):
        assert line.startswith(f"failed: {number}: ")
        assert f"model.max_new_tokens=101{number + 5}" in line
    assert done.stderr.splitlines()[-1].startswith("error: 2 of the points")
    assert "Traceback" not in done.stderr
    assert "sweep of 2 points" in done.stderr


def test_no_point_of_a_sweep_starts_if_one_cannot_run(tmp_path: Path) -> None:
    sweep = ("-m", "debug=smoke", "method=tree_dpo", "hydra.sweep.dir=sweep")
    done = train(*sweep, "method.beta=0.1,-1,-2", "expert.tasks=5,1001", folder=tmp_path)
    assert done.returncode == 1
    wrong = [line for line in done.stderr.splitlines() if line.startswith("cannot run: ")]
    said = ("expert.tasks=1001, but the split has", "beta=-1 is not", "beta=-2 is not")
    assert all(text in line for text, line in zip(said, wrong, strict=True)), wrong
    assert done.stderr.splitlines()[-1].startswith("error: 5 of 6 points cannot run")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("sweep/*/*"))
    assert not list(tmp_path.glob("store/*/*"))


def test_what_failed_in_a_folder_before_does_not_hide_another_error(tmp_path: Path) -> None:
    sweep = ("-m", "debug=smoke", "hydra.sweep.dir=sweep")
    done = train(*sweep, "model.max_new_tokens=1015", folder=tmp_path)
    assert done.stderr.splitlines()[-1].startswith("error: 1 of the points"), done.stderr
    done = train(*sweep, "method=mcts,magic", folder=tmp_path)
    assert done.returncode == 1
    assert "failed: " not in done.stderr
    assert "method=magic is not known" in done.stderr
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


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_run_without_standard_streams_is_a_run(closed: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m tratree tasks store=store env=webshop env.products=20 {closed}"
    environment = {**os.environ, "PYTHONPATH": str(commands.ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert ("train" in done.stdout) is (">&-" not in closed.replace("2>&-", ""))
    (finished,) = (tmp_path / "store" / "games").glob("*/stage.json")
    written = "".join(path.read_text() for path in finished.parent.iterdir() if path.is_file())
    assert "┏" not in written  # the table, in the file that took the number of a closed stream


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["seed=range(0,3,0)"], "this sweep has no points (range() arg 3 must not be zero)"),
        (["method=glob(no_*)"], "this sweep has no points, as a glob matches no choice"),
        (["method.beta=interval(0,1)"], "this sweep has no points (BasicSweeper does not support"),
        (["hydra.sweeper.max_batch_size=0"], "max_batch_size=0 is no number of points from 1"),
        (["seed=0,1", "hydra.sweep.subdir=same"], "same is one folder for 2 points, whose results"),
    ],
)
def test_a_sweep_without_points_of_its_own_is_one_line(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = train("-m", *arguments, f"store={tmp_path}/store", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: [x", "expected ',' or ']'"),
        (b"name: caf\xe9", "'utf-8' codec can't decode"),
        (b"defaults:\n  - mine", "maximum recursion depth"),
    ],
)
def test_a_damaged_file_of_a_group_is_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "mine.yaml").write_bytes(content)
    done = train("--config-dir", f"{tmp_path}/conf", "model=mine", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: a file of the configuration cannot be read (")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
