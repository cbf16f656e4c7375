"""Stage ``reference``: log-probabilities of both sides of each pair under the reference model.

Or those of labelled trajectories. They are computed once for each set of them and read again for
every β and every other setting of the loss, which no score depends on.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tratree.config import Config
from tratree.errors import UserError
from tratree.stages.environment import configured_prompt
from tratree.stages.pairs import load_pairs, pair_inputs
from tratree.stages.paths import PATHS
from tratree.stages.players import scorers
from tratree.stages.training_settings import chat_settings, tree_pack_tokens
from tratree.store.finished import read_description
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import iterate_trajectories
from tratree.trajectory.types import Trajectory
from tratree.tree.trajectory_pairs import TrajectoryPair

if TYPE_CHECKING:
    from tratree.data.sample_file import SampleFile
    from tratree.policy.chat import ChatFormat
    from tratree.policy.encoding import EncodedTrajectory

REFERENCE = "reference.json"


def reference_stage(config: Config, pairs: Stage, model: Stage, label: str = "") -> Stage:
    """Score a set of pairs or labelled trajectories, once for all settings of the loss.

    They are scored again for another reference, and for another number type or packing, which
    change the last bits. `model` is the fine-tuning that made the reference; the weak model's SFT
    in the paper.
    """
    settings = {
        "dtype": config.model.dtype,
        "pack_tokens": pack_tokens(config),
        **example_settings(config),
    }
    scored = {"labels": pairs} if pairs.name == "labels" else pair_inputs(pairs)
    inputs = {**scored, "model": model}
    return Stage("reference", settings, _score, inputs, label=label, version=2)


def example_settings(config: Config) -> dict[str, bool]:
    """Return what `pair_chat` needs: nothing if pairs keep the worked example, or there is none."""
    prompt = configured_prompt(config)
    left_out = prompt is not None and prompt.example and not config.method.example_in_pairs
    return {"example": False} if left_out else {}


def pair_chat(chat: ChatFormat, settings: Mapping[str, Any]) -> ChatFormat:
    """Return the chat format of pairs: without the worked example if the settings say so."""
    if chat.prompt is None or settings.get("example", True):
        return chat
    return chat.with_prompt(chat.prompt.without_example())


def pack_tokens(config: Config) -> int | None:
    """Return the most tokens of a pack of pairs, or None if pairs are not packed."""
    packed = config.method.packing != "pairwise"
    return tree_pack_tokens(config, "method.packing=pairwise") if packed else None


def check_chats(config: Config, reference: Stage) -> None:
    """Check that both models read token ids alike: preferences compare them token by token.

    Raises:
        UserError: If they do not, or a tokenizer cannot be loaded.
    """
    weak = reference.inputs["model"].settings["chat"]
    strong = chat_settings(config, config.model.strong)
    if weak == strong:
        return
    from tratree.stages.training import load_chat

    if not load_chat({"chat": weak}).reads_like(load_chat({"chat": strong})):
        raise UserError(
            f"the tokenizers or chat templates of {weak['tokenizer']} and {strong['tokenizer']} "
            "differ, and the strong model's preferences are measured against the weak model token "
            "by token: choose two models of one family, or method=mcts"
        )


def encode_pair(
    chat: ChatFormat, pair: TrajectoryPair
) -> tuple[EncodedTrajectory, EncodedTrajectory]:
    """Encode both sides; the masks are true on the agent's tokens after the shared prefix."""
    return (
        _after(chat, pair.chosen, pair.shared_steps),
        _after(chat, pair.rejected, pair.shared_steps),
    )


def _after(chat: ChatFormat, trajectory: Trajectory, shared_steps: int) -> EncodedTrajectory:
    from tratree.policy.encoding import encode_trajectory

    encoded = encode_trajectory(chat, trajectory)
    start = encoded.turn_starts[shared_steps]
    mask = [False] * start + list(encoded.agent_mask[start:])
    return replace(encoded, agent_mask=mask).compact()


def _sides(job: Job, chat: ChatFormat) -> SampleFile[EncodedTrajectory]:
    """Return both sides of each pair in turn, or the labelled trajectories."""
    from tratree.data.sample_file import SampleFile
    from tratree.policy.encoding import encode_trajectory

    sides: SampleFile[EncodedTrajectory] = SampleFile()
    if "labels" in job.inputs:
        for trajectory in iterate_trajectories(job.inputs["labels"] / PATHS):
            sides.append(encode_trajectory(chat, trajectory).compact())
    else:
        for pair in load_pairs(job):
            for side in encode_pair(chat, pair):
                sides.append(side)
    return sides


def _score(job: Job) -> None:
    from tratree.data.sample_file import Parts
    from tratree.modules.finite import check_scores
    from tratree.modules.log_probabilities import cut_to_score
    from tratree.policy.workers import compute
    from tratree.stages.training import load_chat

    trained, packed = job.inputs["model"], job.settings["pack_tokens"]
    chat = pair_chat(load_chat(read_description(trained)["settings"]), job.settings)
    sides = _sides(job, chat)
    parts = cut_to_score(sides, packed)
    scores = array("d", bytes(8 * len(sides)))
    found = compute(
        partial(_load_scorer, trained, job.settings["dtype"], packed),
        Parts(sides, parts),
        scorers(job.resources),
        report=lambda line: job.progress.message(f"  {line}"),
    )
    for number, of_part in found:
        for index, score in zip(parts[number], of_part, strict=True):
            scores[index] = score
    check_scores(scores)
    paired = "labels" not in job.inputs
    document = json.dumps(
        list(zip(scores[::2], scores[1::2], strict=True)) if paired else [*scores]
    )
    (job.folder / REFERENCE).write_text(document + "\n", encoding="utf-8")


def _load_scorer(
    trained: Path, dtype: str, packed: int | None
) -> Callable[[Sequence[EncodedTrajectory]], list[float]]:
    from tratree.modules.attention_check import check_batches, check_packs
    from tratree.modules.log_probabilities import score_part
    from tratree.modules.pack_attention import attend_to_packs
    from tratree.stages.training import load_policy

    model, _ = load_policy(trained, dtype)
    if packed is None:
        check_batches(model)
    else:
        attend_to_packs(model)
        check_packs(model)
    return partial(score_part, model, packed)
