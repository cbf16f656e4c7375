"""Readers of what comes from elsewhere: trajectories, data sets, prompts, results, models."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from pyarrow import ipc, parquet
from rich.console import Console

from tests.attack.mangling import Reader
from tratree.composition import compose_config
from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.scienceworld.tasks import eto_step_limits, eto_variations
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.goals import human_goals
from tratree.envs.webshop.splits import eto_splits
from tratree.models.loading import (
    check_weights,
    load_base,
    load_config,
    load_stop_ids,
    load_tokenizer,
)
from tratree.models.lora import add_lora, load_adapter, save_adapter
from tratree.models.names import local_folder
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.panel.local_model import check_named
from tratree.panel.report import page
from tratree.panel.results import FORMAT, read_results
from tratree.policy.prompt import read_prompt
from tratree.runs.run import open_store
from tratree.stages.demonstrations import demonstrations_stage
from tratree.stages.environment import env_opener, games_stage
from tratree.store.progress import Progress
from tratree.store.stage import Job
from tratree.store.store import Store
from tratree.trajectory.conversations import FORMATS, write_conversations
from tratree.trajectory.jsonl import TrajectoryLog, write_trajectories
from tratree.trajectory.reading.read import read_trajectory_files
from tratree.trajectory.types import Step, Trajectory
from tratree.tree.vector_cache import VectorCache

INDEX = "sharded/model.safetensors.index.json"
GAME = "games/json_2.1.1/train/pick_and_place_simple-Mug-None-Shelf-1/trial_1/"


def prepare_outside(folder: Path) -> None:
    """Fill a folder with files of others, and with games to play them in."""
    config = compose_config(_settings(folder))
    store = open_store(config, _silent())
    games = store.ensure(games_stage(config))
    with closing(env_opener(games, store.resources.cache)()) as env:
        task = env.tasks("train")[0]
        start = env.reset(task).observation
    steps = (Step("", "go", "you go"), Step("", "take", "you take"))
    tried = [Trajectory(task, start, steps, 1.0, True, True, number) for number in (0, 1)]
    write_trajectories(folder / "ours.jsonl", tried)
    (folder / "log.episodes.jsonl").write_bytes((folder / "ours.jsonl").read_bytes())
    for name in FORMATS:
        write_conversations(folder / f"{name}.json", tried, name)
    lines = (folder / "ours.jsonl").read_bytes()
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
    table = pyarrow.Table.from_pylist([json.loads(line) for line in _conversations(folder)])
    parquet.write_table(table, folder / "table.parquet")
    with ipc.new_file(folder / "table.arrow", table.schema) as file:
        file.write_table(table)
    (folder / "log.txt").write_text(f"{start}\n> go\nyou go\n> take\nyou take\n")
    _write_data(folder)
    shutil.copytree(local_folder("package:models/tiny/weak"), folder / "model")
    (folder / "sharded").mkdir()
    for name, copy in (("config.json", "config.json"), ("model.safetensors", "a.safetensors")):
        shutil.copy(folder / "model" / name, folder / "sharded" / copy)
    (folder / INDEX).write_text('{"metadata": {}, "weight_map": {"a": "a.safetensors"}}')
    VectorCache(folder / "vectors").add(["a"], np.ones((1, 4), np.float32))
    next((folder / "vectors").iterdir()).rename(folder / "vectors" / "a.npz")
    lora = LoraSettings(rank=2, alpha=4, dropout=0.0, target_modules=("q_proj",))
    save_adapter(add_lora(load_base(_weak()), lora, 0), folder / "adapter")
    (folder / "rules.txt").write_text("You are in a house.")
    turns = [{"role": "user", "content": "look"}, {"role": "assistant", "content": "Action: go"}]
    (folder / "examples.json").write_text(json.dumps([turns, turns]))
    episode = {"split": "seen", "task_id": "t", "reward": 1.0, "success": True, "steps": 3}
    results = {"name": "a", "environment": "alfworld", "hashes": {"seen": "aa"}, "protocol": {}}
    results |= {"format": FORMAT, "episodes": [{**episode, "sample": 0}]}
    (folder / "results.json").write_text(json.dumps(results))


def _conversations(folder: Path) -> list[str]:
    return [json.dumps(record) for record in json.loads((folder / "agentgym.json").read_text())]


def _weak() -> ModelSettings:
    return ModelSettings("package:models/tiny/weak", "float32")


def _write_data(folder: Path) -> None:
    game = {
        "solvable": True,
        "grammar": '"Your task is to: put a mug in shelf."',
        "pddl_problem": "(define)",
        "pddl_domain": "(define)",
        "walkthrough": ["go to shelf 1"],
    }
    (folder / GAME).mkdir(parents=True)
    (folder / GAME / "game.tw-pddl").write_text(json.dumps(game))
    (folder / GAME / "traj_data.json").write_text('{"task_type": "pick_and_place_simple"}')
    name = GAME.removeprefix("games/json_2.1.1/").rstrip("/")
    line = {**game, "id": name, "task_type": "pick_and_place_simple"}
    line["goal"] = "Your task is to: put a mug in shelf."
    (folder / "compact").mkdir()
    (folder / "compact" / "train.jsonl").write_text(json.dumps(line) + "\n")
    product = {
        **{"asin": "B000000001", "name": "cup", "full_description": "red", "pricing": "$3.00"},
        **{"small_description": ["a"], "category": "c", "query": "q", "product_category": "p"},
        "customization_options": {"color": [{"value": "red"}]},
    }
    human = {
        **{"instruction": "buy a cup", "attributes": ["red"], "options": ["red"]},
        "instruction_attributes": ["red"],
        "instruction_options": ["red"],
        "asin": "B000000001",
        "assignment_id": "1",
        "worker_id": "1",
    }
    (folder / "shop").mkdir()
    (folder / "shop" / "items_shuffle.json").write_text(json.dumps([product]))
    (folder / "shop" / "items_ins_v2.json").write_text(
        json.dumps({"B000000001": {"attributes": ["red"], "instruction": "buy"}})
    )
    (folder / "shop" / "items_human_ins.json").write_text(json.dumps({"B000000001": [human]}))
    (folder / "eto").mkdir()
    for split in ("train", "dev", "test"):
        (folder / "eto" / f"{split}_indices.json").write_text('[["boil", 1], ["melt", 2]]')
    (folder / "shop" / "train_indices.json").write_text("[0, 1]")
    (folder / "shop" / "test_indices.json").write_text("[1]")
    (folder / "eto" / "max_steps.json").write_text('{"boil": 30}')


def _settings(folder: Path, *more: str) -> list[str]:
    return [
        *("env.train_games=2", "env.held_out_games=1", "expert.tasks=1"),
        *(f"store={folder}/demonstrations-store", *more),
    ]


def _silent() -> Progress:
    return Progress(Console(file=open(os.devnull, "w")))


def _demonstrations(folder: Path, name: str) -> None:
    config = compose_config(_settings(folder, f"expert.demonstrations={folder / name}"))
    stage = demonstrations_stage(config)
    store: Store = open_store(config, _silent())
    inputs = {"games": store.folder(stage.inputs["games"])}
    with tempfile.TemporaryDirectory() as out:
        stage.run(Job(stage.settings, inputs, Path(out), store.resources, _silent()))


def _convert(folder: Path, name: str) -> None:
    reading = read_trajectory_files(folder / name)
    json.dumps(reading.to_json(), ensure_ascii=False).encode()
    with tempfile.TemporaryDirectory() as out:
        for form in FORMATS:
            write_conversations(Path(out, f"{form}.json"), reading.trajectories, form)
        write_trajectories(Path(out, "ours.jsonl"), reading.trajectories)


def _play_compact(folder: Path) -> None:
    packed = gzip.compress((folder / "compact" / "train.jsonl").read_bytes(), mtime=0)
    (folder / "compact" / "train.jsonl.gz").write_bytes(packed)
    _load_all(CompactGames(folder / "compact"))


def _load_all(games: Any) -> None:
    for task in games.tasks("train"):
        games.load(task.task_id)


def _shop(folder: Path) -> None:
    human_goals(read_products(folder / "shop", None), folder / "shop", 0)


def _panel(path: Path) -> None:
    page([read_results(path)]).encode()


def _load_names(folder: Path) -> None:
    name = str(folder / "model")
    load_config(name), load_stop_ids(name), load_tokenizer(name)


def _load_base(folder: Path) -> None:
    load_base(ModelSettings(str(folder), "float32"))


def _load_adapter(folder: Path) -> None:
    load_adapter(load_base(_weak()), folder / "adapter", trainable=False)


def _named(folder: Path) -> None:
    check_named(str(folder / "adapter"), None)


PUBLISHED = (
    *("ours.jsonl", *(f"{name}.json" for name in FORMATS), "packed.jsonl.gz", "log.txt"),
    *("table.parquet", "table.arrow"),
)

OUTSIDE_READERS = (
    *(Reader(f"convert: {n}", n, lambda folder, n=n: _convert(folder, n)) for n in PUBLISHED),
    *(
        Reader(f"expert.demonstrations: {n}", n, lambda folder, n=n: _demonstrations(folder, n))
        for n in ("ours.jsonl", "agentgym.json")
    ),
    Reader(
        "evaluate: episodes.jsonl",
        "log.episodes.jsonl",
        lambda f: TrajectoryLog(f / "log.episodes.jsonl").read(),
    ),
    Reader("panel: results.json", "results.json", lambda f: _panel(f / "results.json")),
    Reader("prompt: rules.txt", "rules.txt", lambda f: read_prompt(str(f / "rules.txt"), None, 0)),
    Reader(
        "prompt: examples.json",
        "examples.json",
        lambda f: read_prompt(None, str(f / "examples.json"), 1),
    ),
    *(
        Reader(f"alfworld: {name}", f"{GAME}{name}", lambda f: _load_all(GameFolder(f / "games")))
        for name in ("game.tw-pddl", "traj_data.json")
    ),
    Reader("alfworld: train.jsonl", "compact/train.jsonl", _play_compact),
    *(
        Reader(f"webshop: {name}", f"shop/{name}", _shop)
        for name in ("items_shuffle.json", "items_ins_v2.json", "items_human_ins.json")
    ),
    Reader("webshop: indices", "shop/train_indices.json", lambda f: eto_splits(f / "shop", 2)),
    Reader("scienceworld: indices", "eto/train_indices.json", lambda f: eto_variations(f / "eto")),
    *(
        Reader(f"model: {name}", f"model/{name}", _load_names)
        for name in (
            *("config.json", "generation_config.json"),
            *("tokenizer.json", "tokenizer_config.json"),
        )
    ),
    *(
        Reader(f"adapter: {name}", f"adapter/{name}", _load_adapter)
        for name in ("adapter_config.json", "adapter_model.safetensors")
    ),
    Reader("model: weights", "model/model.safetensors", lambda f: _load_base(f / "model")),
    Reader("model: index", INDEX, lambda f: check_weights(str(f / "sharded"))),
    Reader("tree: vectors", "vectors/a.npz", lambda f: "a" in VectorCache(f / "vectors")),
    Reader("evaluate: adapter_config.json", "adapter/adapter_config.json", _named),
    Reader("scienceworld: limits", "eto/max_steps.json", lambda f: eto_step_limits(f / "eto")),
)
