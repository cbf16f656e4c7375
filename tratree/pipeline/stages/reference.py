"""Stage ``reference``: what the weak model after its SFT makes of both sides of each pair."""

from __future__ import annotations

import json
from dataclasses import replace

from tratree.config import Config
from tratree.modules.log_probabilities import score_sequences
from tratree.pipeline.stage import Job, Stage
from tratree.pipeline.stages.pairs import read_pairs
from tratree.pipeline.stages.training import load_policy
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import EncodedTrajectory, encode_trajectory
from tratree.trajectory.types import Trajectory
from tratree.tree.divergence import TrajectoryPair

REFERENCE = "reference.json"


def reference_stage(config: Config, pairs: Stage, weak: Stage) -> Stage:
    """Score the pairs once; β and every other setting of the DPO loss use the same scores."""
    inputs = {"pairs": pairs, "trees": pairs.inputs["trees"], "model": weak}
    return Stage("reference", {"dtype": config.model.dtype}, _score, inputs)


def encode_pair(
    chat: ChatFormat, pair: TrajectoryPair
) -> tuple[EncodedTrajectory, EncodedTrajectory]:
    """Encode both sides; the masks are true on the agent's tokens after the shared prefix."""
    return (
        _after(chat, pair.chosen, pair.shared_steps),
        _after(chat, pair.rejected, pair.shared_steps),
    )


def _after(chat: ChatFormat, trajectory: Trajectory, shared_steps: int) -> EncodedTrajectory:
    encoded = encode_trajectory(chat, trajectory)
    start = encoded.turn_starts[shared_steps]
    return replace(encoded, agent_mask=(False,) * start + encoded.agent_mask[start:])


def _score(job: Job) -> None:
    model, chat = load_policy(job.inputs["model"], job.settings["dtype"])
    pairs = read_pairs(job.inputs["pairs"], job.inputs["trees"])
    sides = [side for pair in pairs for side in encode_pair(chat, pair)]
    scores = score_sequences(model, sides)
    document = json.dumps(list(zip(scores[::2], scores[1::2], strict=True)))
    (job.folder / REFERENCE).write_text(document + "\n", encoding="utf-8")
