"""The methods: each is a short composition of stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tratree.config import Config
from tratree.errors import UserError
from tratree.pipeline.stage import Stage
from tratree.pipeline.stages.explore import explore_stage
from tratree.pipeline.stages.imitate import imitate_stage
from tratree.pipeline.stages.pairs import pairs_stage
from tratree.pipeline.stages.paths import paths_stage
from tratree.pipeline.stages.prefer import prefer_stage
from tratree.pipeline.stages.reference import reference_stage
from tratree.pipeline.stages.self_score import self_score_stage
from tratree.pipeline.stages.sft import sft_stage
from tratree.pipeline.stages.trees import trees_stage


def weak_trees(config: Config) -> Stage:
    """Return the trees of what the weak model explores after its SFT."""
    weak = sft_stage(config, "weak")
    explored = explore_stage(config, weak)
    if config.explore.score == "self":
        explored = self_score_stage(config, explored, weak)
    return trees_stage(config, explored)


def mcts(config: Config) -> Stage:
    """Imitate the best path of each tree (section 3.3 of the paper)."""
    return imitate_stage(config, paths_stage(config, weak_trees(config)))


def tree_dpo(config: Config) -> Stage:
    """Prefer success over failure where they part (section 3.2 of the paper)."""
    pairs = pairs_stage(config, weak_trees(config))
    return prefer_stage(config, pairs, reference_stage(config, pairs, sft_stage(config, "weak")))


METHODS: Mapping[str, Callable[[Config], Stage]] = MappingProxyType(
    {"mcts": mcts, "tree_dpo": tree_dpo}
)


def systems(config: Config) -> dict[str, Stage]:
    """Return the trained stage of every system that a run compares, baselines first.

    Raises:
        UserError: If `config.method.name` is unknown.
    """
    name = config.method.name
    if name not in METHODS:
        raise UserError(f"method={name} is not known: use one of {', '.join(METHODS)}")
    return {
        "sft_weak": sft_stage(config, "weak"),
        "sft_strong": sft_stage(config, "strong"),
        name: METHODS[name](config),
    }
