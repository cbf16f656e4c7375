"""From a run folder to the page of its trees, and what is said when it has none."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from tratree.cli.view import main
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.runs.run_folder import STAGES, read_stages, write_stages
from tratree.runs.run_trees import find_trees
from tratree.stages.file_names import EPISODES
from tratree.stages.paths import paths_stage
from tratree.stages.trees import trees_stage
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources, Stage
from tratree.store.store import Store
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory


def explore(job: Job) -> None:
    """Write two trajectories of each of two tasks."""
    step = Step("find mug", "go to shelf 1", "On the shelf 1, you see a mug 1.")
    trajectories = [
        Trajectory(Task(f"t{n}", "train", "pick", "go"), "start", (step,) * k, k - 1.0, k > 1, True)
        for n in range(2)
        for k in (1, 2)
    ]
    write_trajectories(job.folder / EPISODES, trajectories)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run beside its store, in a project folder that is the working folder."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    config = compose_config(["method.iterations=50"])
    trees = trees_stage(config, Stage("explore", {}, explore))
    paths = paths_stage(config, trees)
    progress = Progress(Console(file=open(os.devnull, "w")))  # noqa: SIM115
    root = project / "store"
    resources = Resources(WorkerSettings(), EngineSettings(1), root / "cache")
    Store(root, resources, progress).ensure(paths)
    write_stages(project / "outputs" / "run", "store", [paths])
    return project / "outputs" / "run"


def test_stages_are_named_with_all_that_come_before_them(run: Path) -> None:
    stages = read_stages(run)
    assert list(stages.folders) == ["explore", "trees", "paths"]
    for title, folder in stages.folders.items():
        assert (stages.store / folder / "stage.json").is_file(), title
    assert stages.folder("prefer") is None


def test_a_relative_store_moves_with_the_run(run: Path, tmp_path: Path) -> None:
    assert json.loads((run / STAGES).read_text())["store"] == "../../store"
    (tmp_path / "project").rename(tmp_path / "moved")
    assert read_stages(tmp_path / "moved" / "outputs" / "run").store == tmp_path / "moved" / "store"


def test_an_absolute_store_stays_where_it_is(run: Path, tmp_path: Path) -> None:
    write_stages(run, str(tmp_path / "project" / "store"), [])
    run.rename(tmp_path / "run")
    assert read_stages(tmp_path / "run").store == tmp_path / "project" / "store"


def test_trees_come_with_the_settings_of_the_run(run: Path) -> None:
    found = find_trees(run)
    assert [tree.task.task_id for tree in found.trees] == ["t0", "t1"]
    assert found.settings["xi_sim"] == 0.9
    assert found.search == {"iterations": 50, "exploration": 1.41}


def test_a_finished_trees_stage_does_as_well(run: Path) -> None:
    folder = read_stages(run).folder("trees")
    assert folder is not None
    assert [tree.task.task_id for tree in find_trees(folder).trees] == ["t0", "t1"]
    assert find_trees(folder).search == {}


def test_the_command_writes_the_page(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(run)])
    page = (run / "trees.html").read_text("utf-8")
    assert "2 trees in " in capsys.readouterr().out
    assert "go to shelf 1" in page
    assert "path found with iterations 50, UCB constant 1.41" in page
    main([str(run), "--out", "elsewhere.html"])
    assert Path("elsewhere.html").read_text("utf-8") == page
    main([str(read_stages(run).folder("trees"))])
    assert "2 trees in trees.html" in capsys.readouterr().out


def test_a_moved_store_is_named_by_hand(run: Path, tmp_path: Path) -> None:
    (run / "../../store").resolve().rename(tmp_path / "disk")
    with pytest.raises(UserError, match="say --store FOLDER if it was moved"):
        main([str(run)])
    main([str(run), "--store", str(tmp_path / "disk")])
    assert (run / "trees.html").is_file()


def test_what_is_missing_is_told_in_one_line(run: Path, tmp_path: Path) -> None:
    stages = read_stages(run)
    explored, trees = stages.folder("explore"), stages.folder("trees")
    assert explored is not None
    assert trees is not None

    def told(*arguments: str) -> str:
        with pytest.raises(UserError) as raised:
            main(arguments)
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "is not a run folder" in told(str(tmp_path / "nowhere"))
    assert "is a finished explore stage" in told(str(explored))
    assert "arguments are required: RUN" in told()
    assert "unrecognized arguments: --wrong" in told(str(run), "--wrong")
    assert "set --out FILE" in told(str(run), "--out", str(tmp_path / "no" / "page.html"))
    shutil.rmtree(trees)
    assert "run its command again" in told(str(run))
    write_stages(run, "store", [])
    assert "its method does not use them" in told(str(run))
    (run / STAGES).write_text("[]")
    assert "is damaged" in told(str(run))
