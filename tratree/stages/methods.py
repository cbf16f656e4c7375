"""The methods: each is a short composition of stages."""

from __future__ import annotations

from collections.abc import Iterable

from tratree.config import Config
from tratree.evaluation.metrics import STRONG, WEAK
from tratree.method_plugins import METHODS
from tratree.stages.demonstrations import demonstrations_stage
from tratree.stages.evaluate import evaluate_stage
from tratree.stages.explore import explore_stage
from tratree.stages.imitate import imitate_stage
from tratree.stages.labels import kto_stage, labels_stage
from tratree.stages.pairs import expert_pairs_stage, pairs_stage, random_pairs_stage
from tratree.stages.paths import paths_stage
from tratree.stages.prefer import prefer_stage
from tratree.stages.reference import check_chats, reference_stage
from tratree.stages.select import progress_stage, select_stage
from tratree.stages.self_score import self_score_stage
from tratree.stages.settings import Role
from tratree.stages.sft import sft_stage
from tratree.stages.trees import trees_stage
from tratree.store.stage import Stage, with_inputs


def explored(config: Config, role: Role | None = None) -> Stage:
    """Return what a model explores after its SFT, by default that of ``explore.explorer``."""
    explorer = sft_stage(config, role or config.explore.explorer)
    return scored(config, explore_stage(config, explorer), explorer)


def scored(config: Config, attempts: Stage, explorer: Stage, label: str = "") -> Stage:
    """Return what was explored, with the scores that the method may see."""
    if config.explore.score == "environment":
        return attempts
    return self_score_stage(config, attempts, explorer, label)


def weak_trees(config: Config) -> Stage:
    """Return the trees of what the weak model, or ``explore.explorer``, explores after its SFT."""
    return trees_stage(config, explored(config))


def sft_weak(config: Config) -> Stage:
    """Imitate the expert's demonstrations with the weak model."""
    return sft_stage(config, "weak")


def sft_strong(config: Config) -> Stage:
    """Imitate the expert's demonstrations with the strong model."""
    return sft_stage(config, "strong")


def mcts(config: Config) -> Stage:
    """Imitate the best path of each tree (section 3.3 of the paper)."""
    return imitate_stage(config, paths_stage(config, weak_trees(config)))


def tree_dpo(config: Config) -> Stage:
    """Prefer success over failure where they diverge (section 3.2 of the paper)."""
    return pairs_dpo(config, pairs_stage(config, weak_trees(config)))


def step_dpo(config: Config) -> Stage:
    """Do as `tree_dpo` does with pairs that end one step after they diverge."""
    return pairs_dpo(config, pairs_stage(config, weak_trees(config), "one_step"))


def unstructured_dpo(config: Config) -> Stage:
    """Prefer a success over a failure of the same task, whole and without a tree."""
    return pairs_dpo(config, random_pairs_stage(config, explored(config)))


def pairs_dpo(config: Config, pairs: Stage) -> Stage:
    """Learn preferences; the reference is the weak model after its SFT, or where this starts."""
    reference = reference_stage(config, pairs, reference_model(config))
    return prefer_stage(config, pairs, reference, start=start_model(config))


def start_model(config: Config) -> Stage | None:
    """Return the model that preferences start from, ``method.start``; None if it is the base."""
    if config.method.start == "mcts":
        return mcts(config)
    if config.method.start == "advantage":
        return advantage(config)
    return sft_strong(config) if config.method.start == "sft" else None


def reference_model(config: Config) -> Stage:
    """Return the model that preferences are measured against: ``method.reference``."""
    start = start_model(config) if config.method.reference == "start" else None
    return start or sft_weak(config)


def kto(config: Config) -> Stage:
    """Learn from successes and failures without pairs, also of trees of one outcome (KTO)."""
    labels = labels_stage(config, explored(config))
    reference = reference_stage(config, labels, reference_model(config))
    return kto_stage(config, labels, reference, start_model(config))


def advantage(config: Config) -> Stage:
    """Imitate the steps that brought the weak model nearer to success, of failures, too."""
    return imitate_stage(config, progress_stage(config, weak_trees(config)))


def naive_w2s(config: Config) -> Stage:
    """Imitate all that the weak model did."""
    return imitate_stage(config, select_stage(config, explored(config), "all"))


def success_only(config: Config) -> Stage:
    """Imitate what solved a task of what the weak model did."""
    return imitate_stage(config, select_stage(config, explored(config), "solved"))


def evaluate_best_of_n(config: Config, name: str, trained: Stage) -> Stage:
    """Let the model play each task ``method.samples`` times; the best trajectory counts."""
    return evaluate_stage(config, name, trained, best_of=config.method.samples)


def rejection(config: Config) -> Stage:
    """Imitate the best of what the strong model did itself: rejection fine-tuning."""
    best = select_stage(config, explored(config, "strong"), "scored")
    return imitate_stage(config, best, explorer="strong")


def eto(config: Config) -> Stage:
    """Prefer the expert over the strong model's own failures, round after round (ETO).

    Each round explores the demonstrated tasks with the model of the round before it, which is
    the reference of its preferences and where its fine-tuning starts.
    """
    return _rounds_against_the_expert(config, demonstrations_stage(config))


def ceiling(config: Config) -> Stage:
    """Do as `eto` does where the expert also demonstrates the tasks that others explore."""
    label = "all tasks"
    demonstrations = demonstrations_stage(config, label, explored_too=True)
    return _rounds_against_the_expert(config, demonstrations, label)


def _rounds_against_the_expert(config: Config, demonstrations: Stage, label: str = "") -> Stage:
    policy = sft_stage(config, "strong", label, demonstrations)
    for number in range(config.method.rounds):
        name = f"{label} round {number + 1}".strip()
        attempts = explore_stage(config, policy, demonstrations=demonstrations, label=name)
        attempts = scored(config, attempts, policy, name)
        pairs = expert_pairs_stage(config, attempts, demonstrations, name)
        reference = reference_stage(config, pairs, policy, name)
        policy = prefer_stage(config, pairs, reference, start=policy, label=name)
    return policy


def systems(config: Config) -> dict[str, Stage]:
    """Return the trained stage of every system that a run compares, baselines first."""
    method = METHODS.find(config.method.target or config.method.name)
    return {
        WEAK: sft_weak(config),
        STRONG: sft_strong(config),
        method.name: method.train(config),
    }


def evaluations(config: Config) -> dict[str, Stage]:
    """Return the evaluation of every system that a run compares, baselines first."""
    method = METHODS.find(config.method.target or config.method.name)
    return {
        name: (method.evaluate if name == method.name else evaluate_stage)(config, name, trained)
        for name, trained in systems(config).items()
    }


def check_preferences(config: Config, stages: Iterable[Stage]) -> None:
    """Check that the two models of a preference among `stages` read token ids alike.

    Raises:
        UserError: If they do not.
    """
    for stage in with_inputs(stages):
        if stage.name == "reference":
            check_chats(config, stage)
