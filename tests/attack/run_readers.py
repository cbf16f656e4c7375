"""Readers of what runs and sweeps leave, with a good file of each kind to mangle."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch
import yaml

from tests.attack.mangling import Reader
from tratree.cli.planned import PLAN, config_dir_of, launched_from, planned_points, planned_runs
from tratree.modules.checkpoint import SafeCheckpointIO
from tratree.modules.training_history import read_metrics
from tratree.report.run_page import render
from tratree.runs.export import find_trained
from tratree.runs.run_record import read_run
from tratree.store.inventory import list_stages
from tratree.store.manifest import find_damage
from tratree.sweeps.kept_points import keep_points, read_points, write_points
from tratree.sweeps.points import find_begun_points, find_points
from tratree.sweeps.summary import summarize_points, write_summary
from tratree.sweeps.sweep_progress import sweep_progress
from tratree.trajectory.types import Step, Task, Trajectory
from tratree.tree.forest_file import load_trees, save_trees
from tratree.tree.merge import build_tree
from tratree.tree.similarity import ExactText


def prepare_run(folder: Path) -> None:
    """Fill a folder with a run, its store, and what sweeps have."""
    run = folder / "sweep" / "0"
    (run / ".hydra").mkdir(parents=True)
    estimate = {"mean": 0.5, "low": 0.25, "high": 0.75}
    names = ("reward", "success", "finished", "steps")
    figures = {"test": {"episodes": 2, **dict.fromkeys(names, estimate), "task_types": {}}}
    config = {"env": {"name": "alfworld"}, "method": {"name": "mcts", "beta": 0.1}, "seed": 3}
    hydra = {
        "overrides": {"task": ["seed=3", "method.beta=0.1"]},
        "runtime": {
            "choices": {"env": "alfworld", "method": "mcts"},
            "cwd": str(folder),
            "config_sources": [{"path": "", "provider": "schema"}],
        },
        "sweeper": {
            "_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
            "params": None,
            "n_trials": 3,
        },
    }
    results = {
        **{"env": "alfworld", "method": "mcts", "seed": 3},
        "systems": {"sft_weak": figures, "sft_strong": figures, "mcts": figures},
        "pgr": {"weak": "sft_weak", "ceiling": "sft_strong"},
    }
    start = {"time": "now", "versions": {"torch": "2"}, "commit": None, "machine": "Linux"}
    stages = {"trees": "trees/0123456789abcdef", "sft weak": "sft/0123456789abcdef"}
    stages["evaluate mcts"] = "evaluate/0123456789abcdef"
    (run / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config))
    (run / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump({"hydra": hydra}))
    (run.parent / PLAN).write_text(yaml.safe_dump({"hydra": hydra}))
    (run / "results.json").write_text(json.dumps(results))
    (run / "starts.jsonl").write_text(json.dumps(start) + "\n")
    (run / "stages.json").write_text(json.dumps({"store": "../../store", "stages": stages}))
    (run / "failure.json").write_text('{"overrides": "seed=3", "reason": "no such model"}')
    write_points(folder / "points.jsonl", keep_points(find_points([folder / "sweep"])))
    for place in stages.values():
        (folder / "store" / place).mkdir(parents=True)
    description = {"stage": "sft", "version": 1, "settings": {}, "inputs": {}}
    trained = folder / "store" / stages["sft weak"]
    (trained / "stage.json").write_text(json.dumps(description))
    (trained / "timing.json").write_text('{"seconds": 1.5}')
    (trained / "manifest.json").write_text('{"stage.json": {"size": 1, "sha256": ""}}')
    (trained / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1}\n')
    evaluated = folder / "store" / stages["evaluate mcts"]
    (evaluated / "stage.json").write_text(
        json.dumps({**description, "stage": "evaluate", "inputs": {"model": trained.name}})
    )
    (evaluated / "metrics.json").write_text(json.dumps(figures))
    steps = (Step("", "go", "you go"), Step("", "take", "you take"))
    task = Task("t", "train", "k", "do")
    tried = [Trajectory(task, "start", steps, 1.0, True, True, number) for number in (0, 1)]
    trees = folder / "store" / stages["trees"]
    save_trees(trees / "trees.npz", [build_tree(tried, similarity=ExactText())])
    (trees / "stage.json").write_text(json.dumps({**description, "stage": "trees"}))
    state = {"state_dict": {"a": torch.zeros(2)}, "optimizer_states": [{}], "lr_schedulers": [{}]}
    torch.save({**state, "loops": {"a": 1}, "global_step": 1}, folder / "last.ckpt")


def _summarize(folder: Path) -> None:
    failure = folder / RUN / "failure.json"
    content = failure.read_bytes()
    failure.unlink()
    try:
        _summarize_failures(folder)
    finally:
        failure.write_bytes(content)


def _summarize_failures(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as out:
        summary = summarize_points(find_points([folder / "sweep"]))
        write_summary(summary, Path(out, "summary"), "sweep")


def _report(folder: Path) -> None:
    render(read_run(folder / "sweep" / "0"))


def _progress(folder: Path) -> None:
    plan = folder / "sweep" / PLAN
    planned_points(plan), planned_runs(plan), launched_from(plan), config_dir_of(plan)
    sweep_progress(find_begun_points([folder / "sweep"]), [])


RUN, STORE = "sweep/0/", "store/sft/0123456789abcdef/"
RUN_READERS = (
    *(
        Reader(f"summarize: {name}", f"{RUN}{name}", _summarize)
        for name in ("results.json", "stages.json", ".hydra/config.yaml", ".hydra/hydra.yaml")
    ),
    Reader("summarize: failure.json", f"{RUN}failure.json", _summarize_failures),
    *(
        Reader(f"report: {name}", f"{RUN}{name}", _report)
        for name in (
            *("results.json", "stages.json", "failure.json", "starts.jsonl"),
            *(".hydra/config.yaml", ".hydra/hydra.yaml"),
        )
    ),
    Reader("report: metrics.jsonl", f"{STORE}metrics.jsonl", _report),
    Reader("report: timing.json", f"{STORE}timing.json", _report),
    Reader("report: trees.npz", "store/trees/0123456789abcdef/trees.npz", _report),
    *(
        Reader(f"progress: {name}", name, _progress)
        for name in (f"sweep/{PLAN}", f"{RUN}stages.json", f"{STORE}timing.json")
    ),
    *(
        Reader(f"store: {name}", f"{STORE}{name}", lambda f: find_damage(f / STORE))
        for name in ("stage.json", "manifest.json")
    ),
    Reader("store list: stage.json", f"{STORE}stage.json", lambda f: list_stages(f / "store")),
    Reader("export: stages.json", f"{RUN}stages.json", lambda f: find_trained(f / RUN, None)),
    Reader(
        "export: stage.json",
        "store/evaluate/0123456789abcdef/stage.json",
        lambda f: find_trained(f / RUN, None),
    ),
    Reader("experiments: points.jsonl", "points.jsonl", lambda f: read_points(f / "points.jsonl")),
    Reader(
        "training: metrics.jsonl",
        f"{STORE}metrics.jsonl",
        lambda f: read_metrics(f / STORE / "metrics.jsonl"),
    ),
    Reader(
        "training: last.ckpt",
        "last.ckpt",
        lambda f: SafeCheckpointIO().load_checkpoint(f / "last.ckpt"),
    ),
    Reader(
        "trees.npz",
        "store/trees/0123456789abcdef/trees.npz",
        lambda f: load_trees(f / "store/trees/0123456789abcdef/trees.npz"),
    ),
)
