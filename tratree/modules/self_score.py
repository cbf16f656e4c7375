"""The weak model scores its own trajectories, where an environment gives no score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import PreTrainedModel

from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import encode_trajectory
from tratree.trajectory.types import Trajectory

States = NDArray[np.float64]


def train_success_head(states: Sequence[States], success: Sequence[bool] | None = None) -> Pipeline:
    """Fit P(the task is solved) given the last hidden state at the end of an observation.

    It learns from demonstrations, with both classes weighing the same: after their last observation
    the task is solved, after all earlier ones it is not yet. So it needs neither failures nor a
    score. Trajectories of known success may join them: after the last observation of a failure
    nothing is solved.

    Args:
        states: The `observation_states` of each, [K, H].
        success: Whether each ends with its task solved; None where all do.

    Raises:
        UserError: If there are no demonstrations of more than one observation.
    """
    ends = success or [True] * len(states)
    solved = [
        (np.arange(len(of_one)) == len(of_one) - 1) & end
        for of_one, end in zip(states, ends, strict=True)
    ]
    if not states or all(flags.all() for flags in solved):
        raise UserError("explore.score=self learns from demonstrations, but there are none")
    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    classifier.fit(np.concatenate(states), np.concatenate(solved))
    return classifier


def success_probability(head: Pipeline, states: States) -> float:
    """Return the probability in [0, 1] that a trajectory ends with its task solved.

    `head` is what `train_success_head` gave, `states` the trajectory's `observation_states`, [K,
    H]; nothing but what the agent saw and said.
    """
    return float(head.predict_proba(states[-1:])[0, 1])


def score_itself(trajectory: Trajectory, score: float) -> Trajectory:
    """Return the trajectory with the model's score in place of all that the environment said."""
    return replace(trajectory, score=round(score, 6), success=score >= 0.5, finished=False)


@dataclass(frozen=True)
class Observed:
    """A trajectory as its model reads it.

    Attributes:
        token_ids: At most ``context`` tokens, the answer to the last action included.
        ends: The index of the last token of each observation that ends among them.
    """

    token_ids: tuple[int, ...]
    ends: tuple[int, ...]


def observed(chat: ChatFormat, trajectory: Trajectory, context: int) -> Observed:
    """Return what a model reads of a trajectory: its first `context` tokens."""
    encoded = encode_trajectory(chat, trajectory)
    shown = chat.next_turn(trajectory.steps[-1].observation) if trajectory.steps else []
    token_ids = (*encoded.token_ids, *shown)
    ends = [*(start - 1 for start in encoded.turn_starts), len(token_ids) - 1]
    return Observed(token_ids[:context], tuple(end for end in ends if end < context))


@torch.inference_mode()
def observation_states(model: PreTrainedModel, batch: Sequence[Observed]) -> list[States]:
    """Return the last hidden state where each observation of some trajectories ends.

    The first row of a trajectory belongs to its first observation, the last one to the answer to
    its last action.

    Args:
        model: A causal language model of transformers in evaluation mode.
        batch: The trajectories; they are read together, padded at their ends, which no token sees.

    Returns:
        For each, shape [K, H], K the observations that end within the context.
    """
    width = max(len(one.token_ids) for one in batch)
    padded = [[*one.token_ids, *[0] * (width - len(one.token_ids))] for one in batch]
    inputs = torch.tensor(padded, device=model.device)
    hidden = model.base_model(input_ids=inputs, use_cache=False).last_hidden_state
    return [
        states[list(one.ends)].double().cpu().numpy()
        for states, one in zip(hidden, batch, strict=True)
    ]
