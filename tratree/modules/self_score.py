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


@dataclass(frozen=True)
class SuccessHead:
    """P(the task is solved) from the last hidden state of a model at the end of an observation.

    It learns from demonstrations alone: after their last observation the task is solved, after
    all earlier ones it is not yet. So it needs neither failures nor a score.
    """

    model: PreTrainedModel
    chat: ChatFormat
    context: int
    classifier: Pipeline

    def score(self, trajectory: Trajectory) -> float:
        """Return the probability that `trajectory` ends with its task solved, in [0, 1].

        Nothing but what the agent saw and said is looked at.
        """
        last = observation_states(self.model, self.chat, trajectory, self.context)[-1:]
        return float(self.classifier.predict_proba(last)[0, 1])


def train_success_head(
    model: PreTrainedModel, chat: ChatFormat, demonstrations: Sequence[Trajectory], context: int
) -> SuccessHead:
    """Fit a head to the demonstrations, with both classes weighing the same.

    Args:
        model: A causal language model of transformers in evaluation mode.
        chat: Its chat format.
        demonstrations: Solved episodes.
        context: Most tokens that the model reads; what comes after is cut.

    Raises:
        UserError: If there are no demonstrations of more than one observation.
    """
    states = [observation_states(model, chat, episode, context) for episode in demonstrations]
    solved = [np.arange(len(of_one)) == len(of_one) - 1 for of_one in states]
    if not states or all(flags.all() for flags in solved):
        raise UserError("explore.score=self learns from demonstrations, but there are none")
    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    classifier.fit(np.concatenate(states), np.concatenate(solved))
    return SuccessHead(model, chat, context, classifier)


def score_itself(trajectory: Trajectory, score: float) -> Trajectory:
    """Return the trajectory with the model's score in place of all that the environment said."""
    return replace(trajectory, score=round(score, 6), success=score >= 0.5, finished=False)


@torch.inference_mode()
def observation_states(
    model: PreTrainedModel, chat: ChatFormat, trajectory: Trajectory, context: int
) -> NDArray[np.float64]:
    """Return the last hidden state where each observation of a trajectory ends.

    The first row belongs to the first observation, the last one to the answer to the last action.

    Returns:
        Shape [K, H], K the observations that end within `context` tokens.
    """
    encoded = encode_trajectory(chat, trajectory)
    shown = chat.next_turn(trajectory.steps[-1].observation) if trajectory.steps else []
    token_ids = [*encoded.token_ids, *shown]
    ends = [start - 1 for start in encoded.turn_starts] + [len(token_ids) - 1]
    within = [end for end in ends if end < context]
    inputs = torch.tensor([token_ids[:context]], device=model.device)
    output = model(input_ids=inputs, use_cache=False, output_hidden_states=True, logits_to_keep=1)
    states: NDArray[np.float64] = output.hidden_states[-1][0, within].double().cpu().numpy()
    return states
