"""Estimate the GPU hours of the paper's sweeps from the package's own stages.

Which stages a sweep needs, how often each is shared, and its epochs, trajectories and tasks come
from the configuration as it composes. The rest is arithmetic with the figures below.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import comb
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import yaml

from experiments.paper.model_sizes import Role, model, paper_setting
from tratree.composition import CONFIG_FOLDER, compose_config
from tratree.stages.methods import evaluations
from tratree.store.stage import Stage, with_inputs

# Means of an expert's episode, measured by lengths.py.
LENGTHS: Mapping[str, Mapping[str, float]] = json.loads(
    Path(__file__).with_name("lengths.json").read_text("utf-8")
)
# An A100 of 80 GB, by its data sheet: bfloat16 operations a second, bytes a second.
PEAK, BANDWIDTH = 312e12, 2.039e12
# Assumptions, worse and better: the share of that which is reached, and the share of tasks whose
# trajectories have something to learn from.
COMPUTE_SHARE = (0.25, 0.5)
BANDWIDTH_SHARE = (0.1, 0.5)
USEFUL_SHARE = (0.5, 1.0)
SEEDS = 5
# Operations for each parameter and token. The base model is frozen, so its weights need no
# gradient: forward, forward again for the checkpointed activations, gradient of the activations.
TRAINING, READING = 6, 2
# Substitutes for the two models, which need no download: stages are shared with any two.
STAND_INS: Mapping[Role, str] = MappingProxyType(
    {"weak": "package:models/tiny/weak", "strong": "package:models/tiny/strong"}
)


@dataclass(frozen=True)
class Tasks:
    """The tasks to play: training tasks, tasks of each split, mean step limit.

    `graded` says whether there are scores between failure and success.
    """

    train: int
    splits: Mapping[str, int]
    limit: float
    graded: bool


# Official games; ETO's lists with the mean of its max_steps.json over train; ETO's human goals.
TASKS: Mapping[str, Tasks] = MappingProxyType(
    {
        "alfworld": Tasks(3553, {"seen": 140, "unseen": 134}, 40, graded=False),
        "scienceworld": Tasks(1483, {"test": 211, "development": 194}, 32.7, graded=True),
        "webshop": Tasks(1823, {"test": 200}, 10, graded=True),
    }
)
# Where the paper has the figure.
SWEEPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "main_table": tuple(TASKS),
        "ablation": ("alfworld",),
        "beta_sweep": ("scienceworld",),
        "width_sweep": ("scienceworld",),
    }
)


class Range(NamedTuple):
    """A low and a high estimate."""

    low: float
    high: float

    def times(self, low: float, high: float | None = None) -> Range:
        """Return the product with a number, or with another range."""
        return Range(self.low * low, self.high * (low if high is None else high))


def add(ranges: Iterable[Range]) -> Range:
    """Return the sum, end by end."""
    found = list(ranges)
    return Range(sum(r.low for r in found), sum(r.high for r in found))


def demonstration_tokens(env: str) -> float:
    """Return the tokens of an expert's episode."""
    return LENGTHS[env]["agent_tokens"] + LENGTHS[env]["environment_tokens"]


def stretch(env: str) -> Range:
    """Return how many times as long as an expert's a model's episode is.

    From as long, to the step limit or the end of the context.
    """
    longest = min(
        TASKS[env].limit / LENGTHS[env]["steps"],
        paper_setting().model.context / demonstration_tokens(env),
    )
    return Range(1, max(1, longest))


def computing_seconds(role: Role, tokens: Range, operations: int) -> Range:
    """Return the time of `tokens` tokens; each takes `operations` for each parameter."""
    slow, fast = COMPUTE_SHARE
    each = operations * model(role).parameters / PEAK
    return tokens.times(each / fast, each / slow)


def playing_seconds(role: Role, env: str, episodes: int) -> Range:
    """Return the time to read what environments show, and to decode what the agent says.

    A step of decoding reads all weights once and gives one token to each episode.
    """
    size, (slow, fast) = model(role), BANDWIDTH_SHARE
    played = stretch(env).times(episodes)
    read = played.times(LENGTHS[env]["environment_tokens"])
    each = 2 * size.parameters / BANDWIDTH / size.episodes
    said = played.times(LENGTHS[env]["agent_tokens"])
    return add([computing_seconds(role, read, READING), said.times(each / fast, each / slow)])


def stage_seconds(stage: Stage, env: str) -> Range:
    """Return the GPU time of a stage; 0 of those that use none, or next to none."""
    settings, train = stage.settings, TASKS[env].train
    if stage.name == "sft":
        tokens = train * demonstration_tokens(env) * settings["optimization"]["epochs"]
        return computing_seconds(role_of(stage), Range(tokens, tokens), TRAINING)
    if stage.name in ("imitate", "prefer"):
        passed = imitated(stage.inputs["paths"]) if stage.name == "imitate" else paired(stage, env)
        tokens = passed.times(train * demonstration_tokens(env)).times(*stretch(env))
        epochs = settings["optimization"]["epochs"]
        return computing_seconds(role_of(stage), tokens.times(epochs), TRAINING)
    if stage.name == "reference":
        scored = sum(trajectories(stage.inputs["pairs"]))
        passed = Range(scored, scored).times(*USEFUL_SHARE)
        tokens = passed.times(train * demonstration_tokens(env)).times(*stretch(env))
        return computing_seconds(role_of(stage), tokens, READING)
    if stage.name == "explore":
        return playing_seconds(role_of(stage), env, train * len(settings["sampling"]))
    if stage.name == "evaluate":
        tasks = sum(TASKS[env].splits[name] for name in settings["splits"])
        each = len(settings["best_of"]) if "best_of" in settings else settings["samples"]
        return playing_seconds(role_of(stage), env, tasks * each)
    return Range(0, 0)


def role_of(stage: Stage) -> Role:
    """Return which model a stage trains, or plays or scores with."""
    trained = stage if "base" in stage.settings else stage.inputs["model"]
    return "weak" if trained.settings["base"]["name"] == STAND_INS["weak"] else "strong"


def imitated(source: Stage) -> Range:
    """Return how many trajectories of a task an epoch of imitation has."""
    if source.name == "paths":
        return Range(*USEFUL_SHARE)
    explored = len(source.inputs["explored"].settings["sampling"])
    if source.settings["keep"] == "all":
        return Range(explored, explored)
    return Range(1, source.settings["per_task"] or explored).times(*USEFUL_SHARE)


def trajectories(pairs: Stage) -> tuple[int, int]:
    """Return how many trajectories of a task pairs are made of: a model's, the expert's."""
    trees = pairs.inputs.get("trees")
    if trees is not None and "drawn" in trees.settings:
        return trees.settings["drawn"]["width"], 0
    explored = (trees or pairs).inputs["explored"]
    return len(explored.settings["sampling"]), int("demonstrations" in pairs.inputs)


def paired(stage: Stage, env: str) -> Range:
    """Return how many trajectories of a task an epoch of preferences passes through the model.

    From each once, where all pairs fit into one pack, to both sides of every pair that there can
    be, where each pair needs a pack of its own. What a pair or a pack shares is not taken off.
    """
    own, experts = trajectories(stage.inputs["pairs"])
    between_own = comb(own, 2) if TASKS[env].graded else own * own // 4
    pairs = own if experts else between_own
    return Range(own + experts, 2 * pairs).times(*USEFUL_SHARE)


WITHOUT_FILES: Mapping[str, Sequence[str]] = {
    "alfworld": ("env.games=generated",),
    "scienceworld": ("env.protocol=official",),
    "webshop": (
        *("env.catalogue=generated", "env.products=1000", "env.goals=synthetic"),
        "env.protocol=official",
    ),
}
"""Lets keys be computed where the official files are not: which games they are does not matter."""


@cache
def stages(sweep: str, env: str) -> tuple[int, Mapping[str, Stage]]:
    """Return how many runs a seed of a sweep has, and the stages of all of them by key."""
    text = (CONFIG_FOLDER / "experiment" / f"{sweep}.yaml").read_text("utf-8")
    params: Mapping[str, str] = yaml.safe_load(text)["hydra"]["sweeper"]["params"]
    axes = [
        [f"{key}={value}" for value in values.split(",")]
        for key, values in params.items()
        if key not in ("env", "seed")
    ]
    shared = ["setting=paper", "env.prompt.required=false", f"experiment={sweep}", f"env={env}"]
    shared += [f"model.{role}.name={name}" for role, name in STAND_INS.items()]
    shared += ["model.chat_template=tiny", *WITHOUT_FILES[env]]
    runs = list(product(*axes))
    found: dict[str, Stage] = {}
    for run in runs:
        config = compose_config([*shared, *run])
        found |= {stage.key: stage for stage in with_inputs(evaluations(config).values())}
    return len(runs), found


def hours(found: Iterable[Stage], env: str) -> Range:
    """Return the GPU hours of stages of one seed."""
    return add(stage_seconds(stage, env) for stage in found).times(1 / 3600)
