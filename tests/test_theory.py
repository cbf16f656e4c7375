"""Theorem 1's terms, and that trees without information leave TreeDPO nothing to learn."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings

from experiments.theory import bound, failure_safe
from tests.modules.small_models import episodes, small_base
from tests.tree.tree_examples import trajectories, trajectory
from tratree.tree.divergence import find_pairs
from tratree.tree.merge import build_trees
from tratree.tree.similarity import ExactText


def count_pairs(attempts) -> int:
    (tree,) = build_trees([attempts], similarity=ExactText(), xi_sim=1.0)
    return len(find_pairs(tree))


@pytest.mark.parametrize("case", ["failures", "successes", "collapsed"])
@settings(max_examples=50)
@given(trajectories())
def test_uninformative_trees_have_no_pairs(case: str, attempts) -> None:
    altered = failure_safe.CASES[case](attempts, 0)
    assert len(altered) == len(attempts)
    assert count_pairs(altered) == 0


def test_random_scores_are_dealt_out_anew() -> None:
    attempts = [
        trajectory([("", f"go {n}", "there")], float(n % 3 == 0), sample=n) for n in range(12)
    ]
    dealt = failure_safe.random_scores(attempts, 0)
    assert sorted(t.score for t in dealt) == sorted(t.score for t in attempts)
    assert all((t.score == 1) == t.success for t in dealt)
    assert [t.steps for t in dealt] == [t.steps for t in attempts]
    assert [t.score for t in dealt] != [t.score for t in attempts]
    assert count_pairs(dealt) == count_pairs(attempts) == 4 * 8
    assert (
        dealt == failure_safe.random_scores(attempts, 0) != failure_safe.random_scores(attempts, 1)
    )


def test_the_root_term() -> None:
    assert bound.root_term(3.0, 100, 0.05) == pytest.approx(math.sqrt((3.0 + math.log(2000)) / 100))
    assert bound.root_term(3.0, 0, 0.05) == math.inf
    assert bound.root_term(3.0, 400, 0.05) < bound.root_term(3.0, 100, 0.05)


def test_the_divergence_is_that_of_the_agents_tokens() -> None:
    policy, reference = small_base(0), small_base(1)
    samples = episodes(5)
    assert bound.divergences(policy, policy, samples) == pytest.approx([0.0] * 5)
    for sample, found in zip(samples, bound.divergences(policy, reference, samples), strict=True):
        ours, theirs = (
            model(torch.tensor([sample.token_ids])).logits[0].detach().double()
            for model in (policy, reference)
        )
        expected = sum(
            torch.distributions.kl_divergence(
                torch.distributions.Categorical(logits=ours[place - 1]),
                torch.distributions.Categorical(logits=theirs[place - 1]),
            ).item()
            for place, own in enumerate(sample.agent_mask)
            if own and place
        )
        assert found == pytest.approx(expected, rel=1e-5)
        assert found > 0
