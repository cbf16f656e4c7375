"""The work of each stage in tokens, from the configuration and the assumed lengths of episodes."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

from tratree.config import BaseModelSettings, Config
from tratree.plan.assumptions import Assumptions, read_assumptions
from tratree.store.stage import Stage

TRAINED = ("sft", "explorer", "imitate", "prefer")
PLAYED = ("explore", "evaluate")
SCORED = ("reference", "self_score")


@dataclass(frozen=True)
class Work:
    """The work of a stage on a GPU.

    Attributes:
        kind: ``train``, ``play`` or ``score``.
        base: The model.
        tokens: That are trained, or read.
        said: Tokens that are decoded one after the other.
        episodes: That are played.
        forwards: Forward passes of frozen models beside the trained one, for each token.
    """

    kind: str
    base: BaseModelSettings
    tokens: float
    said: float = 0.0
    episodes: int = 0
    forwards: int = 0


def work_of(stage: Stage, config: Config, assumed: Assumptions) -> Work | None:
    """Return what a stage does on a GPU; None of one that needs none.

    Raises:
        UserError: If nothing is known of the environment's episodes.
    """
    if stage.name not in (*TRAINED, *PLAYED, *SCORED):
        return None
    base = base_of(stage, config)
    known = assumed.environment(config.env.name)
    shown, said = known["environment"], known["agent"]
    expert, longer = shown + said, _longer(known, config, assumed)
    useful, settings = assumed.one("useful_share"), stage.settings
    explored = config.explore.tasks or known["train"]
    demonstrated = config.expert.tasks or known["train"]
    if stage.name in ("sft", "explorer"):
        epochs = settings["optimization"]["epochs"]
        frozen = sum(name.startswith("earlier_") for name in stage.inputs)
        return Work("train", base, demonstrated * expert * epochs, forwards=frozen)
    if stage.name in PLAYED:
        episodes = (
            _tasks(stage, explored, demonstrated) * _samples(stage)
            if stage.name == "explore"
            else _evaluated(stage, known)
        )
        played = episodes * longer
        return Work("play", base, played * shown, played * said, round(episodes))
    if stage.name == "self_score":
        scored = _tasks(stage.inputs["explored"], explored, demonstrated)
        return Work("score", base, scored * _samples(stage.inputs["explored"]) * expert * longer)
    if stage.name == "imitate":
        tasks = _tasks(_explored(stage.inputs["paths"]), explored, demonstrated)
        passed = tasks * useful * _imitated(stage.inputs["paths"]) * expert * longer
        return Work("train", base, passed * settings["optimization"]["epochs"])
    pairs = stage.inputs["pairs"]
    tasks = _tasks(_explored(pairs), explored, demonstrated)
    passed = tasks * useful * _paired(pairs, config, known, assumed) * expert * longer
    if stage.name == "reference":
        return Work("score", base, passed)
    return Work("train", base, passed * settings["optimization"]["epochs"])


def agent_share(config: Config, assumed: Assumptions | None = None) -> float:
    """Return the share of an episode's tokens that the agent said; half where nothing is known."""
    known = (assumed or read_assumptions()).values["environments"].get(config.env.name)
    return known["agent"] / (known["agent"] + known["environment"]) if known else 0.5


def base_of(stage: Stage, config: Config) -> BaseModelSettings:
    """Return the model that a stage trains, or plays or scores with."""
    trained = stage if "base" in stage.settings else stage.inputs["model"]
    name = trained.settings["base"]["name"]
    return config.model.weak if name == config.model.weak.name else config.model.strong


def _longer(known: Any, config: Config, assumed: Assumptions) -> float:
    """Return how many times as long as an expert's a model's episode is in the mean."""
    steps = min(known["limit"], config.env.max_steps) / known["steps"]
    context = config.model.context / (known["agent"] + known["environment"])
    solved = assumed.one("solved_share")
    return solved + (1 - solved) * max(1.0, min(steps, context))


def _explored(stage: Stage) -> Stage:
    """Return the exploration that paths, pairs or chosen trajectories come from."""
    while stage.name != "explore":
        stage = next(stage.inputs[n] for n in ("trees", "explored", "earlier") if n in stage.inputs)
    return stage


def _tasks(explore: Stage, explored: int, demonstrated: int) -> int:
    return demonstrated if "demonstrations" in _explored(explore).inputs else explored


def _samples(explore: Stage) -> int:
    """Return the trajectories of a task that an exploration plays itself."""
    played = _explored(explore).settings
    return len(played["sampling"]) + len(played.get("untouched", ()))


def _all_samples(explore: Stage) -> int:
    """Return the trajectories of a task, those of earlier rounds included."""
    stage = _explored(explore)
    earlier = stage.inputs.get("earlier")
    return _samples(stage) + (_all_samples(earlier) if earlier else 0)


def _evaluated(stage: Stage, known: Any) -> float:
    settings = stage.settings
    each = len(settings["best_of"]) if "best_of" in settings else settings["samples"]
    splits, most = known["splits"], settings["episodes"]
    tasks = [splits.get(name, max(splits.values())) for name in settings["splits"]]
    return float(sum(n if most is None else min(n, most) for n in tasks) * each)


def _imitated(source: Stage) -> float:
    """Return how many trajectories of a task that has any are imitated."""
    if source.name == "paths":
        return 1.0
    each = _all_samples(source)
    if source.settings["keep"] == "all":
        return float(each)
    return float(source.settings["per_task"] or (1 + each) / 2)


def _width(pairs: Stage) -> int:
    trees = pairs.inputs.get("trees")
    drawn = trees.settings.get("drawn") if trees else None
    return int(drawn["width"]) if drawn else _all_samples(pairs)


def _paired(pairs: Stage, config: Config, known: Any, assumed: Assumptions) -> float:
    """Return how many trajectories of a task that has pairs pass through the model in an epoch."""
    own = _width(pairs)
    experts = int("demonstrations" in pairs.inputs)
    if config.method.packing != "pairwise":
        return (own + experts) * assumed.pack_repeats(config.method.pack_tokens)
    between = comb(own, 2) if known["graded"] else own * own // 4
    most = config.method.pairs_per_task
    count = own if experts else between
    return 2.0 * (count if most is None else min(most, count))
