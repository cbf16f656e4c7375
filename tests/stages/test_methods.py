"""Settings that reach each stage: what a change computes again, and what it reuses."""

from __future__ import annotations

import pytest

from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.stages.methods import systems
from tratree.store.stage import Stage


def keys(*overrides: str) -> dict[str, str]:
    """Return the key of every stage that a run needs, by name and label."""
    found: dict[str, str] = {}

    def visit(stage: Stage) -> None:
        found[stage.title] = stage.key
        for before in stage.inputs.values():
            visit(before)

    for stage in systems(compose_config(overrides)).values():
        visit(stage)
    return found


def changed(before: tuple[str, ...], after: tuple[str, ...]) -> set[str]:
    one, two = keys(*before), keys(*before, *after)
    assert one.keys() == two.keys()
    return {title for title in one if one[title] != two[title]}


DPO = ("method=tree_dpo",)
AFTER_EXPLORATION = {"explore", "trees", "paths", "imitate"}


def test_beta_changes_the_last_training_only() -> None:
    assert changed(DPO, ("method.beta=0.3",)) == {"prefer"}
    assert changed(DPO, ("method.length_normalised=true",)) == {"prefer"}
    assert changed(DPO, ("method.loss=ipo",)) == {"prefer"}
    assert changed(DPO, ("method.nll_weight=0.5",)) == {"prefer"}


def test_the_strong_model_may_explore() -> None:
    assert changed((), ("explore.explorer=strong",)) == AFTER_EXPLORATION
    assert changed(("method=rejection",), ("explore.explorer=strong",)) == set()


def test_packing_changes_how_pairs_are_scored_and_trained() -> None:
    for override in ("method.packing=pairwise", "method.pack_tokens=512"):
        assert changed(DPO, (override,)) == {"reference", "prefer"}


def test_methods_share_everything_up_to_the_trees() -> None:
    mcts, dpo = keys("method=mcts"), keys(*DPO)
    shared = {title for title in mcts.keys() & dpo.keys() if mcts[title] == dpo[title]}
    assert shared == {"games", "demonstrations", "sft weak", "sft strong", "explore", "trees"}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("tree.width=3", {"trees", "paths", "imitate"}),
        ("method.iterations=10", {"paths", "imitate"}),
        ("explore.trajectories=3", AFTER_EXPLORATION),
        ("model.imitation.epochs=9", {"imitate"}),
        ("model.strong.sft.epochs=9", {"sft strong", "imitate"}),
        ("model.weak.sft.epochs=9", {"sft weak", *AFTER_EXPLORATION}),
        ("method.beta=0.3", set()),
        ("rollout.workers=1", set()),
        ("rollout.batch_size=7", set()),
        ("rollout.cache_gib=9", set()),
        ("rollout.servers=[http://localhost:8000]", set()),
        ("rollout.constraint=well_formed", AFTER_EXPLORATION),
        ("trainer.checkpoint_every_steps=7", set()),
        ("evaluation.episodes=7", set()),
    ],
)
def test_a_change_reaches_the_stages_it_concerns(override: str, expected: set[str]) -> None:
    assert changed(("method=mcts",), (override,)) == expected


def test_a_seed_changes_everything_but_the_games() -> None:
    assert changed(("method=mcts",), ("seed=1",)) == keys("method=mcts").keys() - {"games"}


def test_starting_from_the_base_needs_no_strong_sft_for_the_method() -> None:
    stage = systems(compose_config(["method=mcts", "method.start=base"]))["mcts"]
    assert "start" not in stage.inputs


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(UserError, match="method=magic is not known"):
        systems(compose_config(["method.name=magic"]))
