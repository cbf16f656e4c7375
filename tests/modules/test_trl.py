"""TRL's `DPOTrainer` as an oracle: on single-turn pairs it has our losses and gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import PreTrainedModel

from tests.modules.small_models import score_sequences
from tratree.data.packing import pack_sequences
from tratree.data.padding import collate
from tratree.data.pairs import EncodedPair, collate_pairs
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.modules.pack_attention import attend_by_edges
from tratree.modules.settings import DPOSettings, TrainingSettings
from tratree.modules.tree_dpo import TreeDPOModule
from tratree.policy.encoding import EncodedTrajectory

trl = pytest.importorskip("trl", reason="TRL comes with the extra dev")
datasets = pytest.importorskip("datasets")

WEAK, STRONG = "package:models/tiny/weak", "package:models/tiny/strong"
PROMPTS = [
    "you are in the middle of a room .",
    "you open the fridge 1 . the fridge 1 is open .",
    "you arrive at desk 1 . on the desk 1 , you see a mug 1 .",
]
ROWS = [
    {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    for prompt, chosen, rejected in zip(
        PROMPTS,
        ["go to desk 1", "take apple 1 from fridge 1", "take mug 1 from desk 1"],
        ["look", "close fridge 1 and look", "go to bed 1"],
        strict=True,
    )
]


def strong_model() -> PeftModel:
    model = add_lora(load_base(ModelSettings(STRONG)), LoraSettings(rank=4, alpha=8), seed=0)
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(0.02 * torch.randn(weights.shape))
    return model


def make_trainer(
    folder: Path,
    model: PeftModel,
    weak: PreTrainedModel,
    losses: dict[str, float],
    smoothing: float,
) -> Any:
    """Return TRL's trainer with the weak model's log-probabilities computed beforehand.

    Args:
        folder: Its output folder.
        model: The policy.
        weak: The reference.
        losses: Names and weights of the losses that are added up.
        smoothing: Its ``label_smoothing``.
    """
    arguments = trl.DPOConfig(
        output_dir=str(folder),
        beta=0.3,
        loss_type=list(losses),
        loss_weights=list(losses.values()),
        label_smoothing=smoothing,
        precompute_ref_log_probs=True,
        per_device_train_batch_size=len(ROWS),
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
    )
    return trl.DPOTrainer(
        model=model,
        ref_model=weak,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(ROWS),
        processing_class=load_tokenizer(STRONG),
    )


def sides(row: dict[str, list[int]]) -> list[EncodedTrajectory]:
    """Return both sides of a pair as TRL has tokenized them."""
    return [
        EncodedTrajectory(
            tuple(row["prompt_ids"] + row[name]),
            (False,) * len(row["prompt_ids"]) + (True,) * len(row[name]),
            (),
        )
        for name in ("chosen_ids", "rejected_ids")
    ]


def gradients(model: PeftModel) -> torch.Tensor:
    found = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    return torch.cat(found)


CASES = {
    "sigmoid": ({"sigmoid": 1.0}, DPOSettings(beta=0.3)),
    "sigmoid_norm": ({"sigmoid_norm": 1.0}, DPOSettings(beta=0.3, length_normalised=True)),
    "aot": ({"aot": 1.0}, DPOSettings(beta=0.3, label_smoothing=0.2)),
    "nll": ({"sigmoid": 1.0, "sft": 0.5}, DPOSettings(beta=0.3, nll_weight=0.5)),
    "robust": ({"robust": 1.0}, DPOSettings(beta=0.3, loss="robust", label_smoothing=0.2)),
    **{
        name: ({name: 1.0}, DPOSettings(beta=0.3, loss=name))
        for name in ("hinge", "ipo", "apo_zero", "apo_down")
    },
}
ONE_AT_A_TIME = {"aot": "it sorts a batch's pairs", "nll": "it takes the mean over all tokens"}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_single_turn_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Labels are smoothed as here by TRL's ``aot``."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    their_losses, dpo = CASES[case]
    model, reference_model = strong_model(), load_base(ModelSettings(WEAK))
    trainer = make_trainer(tmp_path, model, reference_model, their_losses, dpo.label_smoothing)
    rows = list(trainer.train_dataset)
    encoded = [sides(row) for row in rows]
    batches = [[row] for row in rows] if case in ONE_AT_A_TIME else [rows]
    losses = [trainer.compute_loss(model, trainer.data_collator(batch)) for batch in batches]
    expected = sum(losses) / len(losses)
    expected.backward()
    theirs = gradients(model)

    weak = load_base(ModelSettings(WEAK))
    scores = score_sequences(weak, [side for pair in encoded for side in pair], pack_tokens=1024)
    references = list(zip(scores[::2], scores[1::2], strict=True))
    for row, reference in zip(rows, references, strict=True):
        assert (row["ref_chosen_logps"], row["ref_rejected_logps"]) == pytest.approx(reference)

    # TRL has put its own forward pass into `model`.
    ours = strong_model()
    attend_by_edges(ours)
    pairs = [
        EncodedPair(*pair, reference=reference)
        for pair, reference in zip(encoded, references, strict=True)
    ]
    module = TreeDPOModule(ours, TrainingSettings(1e-3, 1, 4), dpo)
    for make in (collate, pack_sequences):
        found = module.sums(collate_pairs(pairs, make))["loss"] / len(pairs)
        found.backward()
        assert found.item() == pytest.approx(expected.item(), rel=1e-5)
        difference = torch.linalg.norm(gradients(ours) - theirs)
        assert difference <= 1e-5 * torch.linalg.norm(theirs)
