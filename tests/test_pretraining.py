"""The loop that pretrained the tiny bases, and their tokenizers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch

from recipes import pretraining
from recipes.pretrain import LossWeights
from recipes.pretraining import Recipe, new_model, pretrain
from tratree.models.loading import load_tokenizer

ROOT = Path(__file__).resolve().parents[1]
RECIPE = Recipe(
    width=8,
    inner=8,
    layers=1,
    heads=2,
    kv_heads=1,
    learning_rate=1e-2,
    steps=6,
    batch_tokens=24,
)


def batches(first_step: int) -> Iterator[torch.Tensor]:
    for step in range(first_step, RECIPE.steps):
        yield torch.randint(20, (2, 13), generator=torch.Generator().manual_seed(step))


def weights_after(checkpoint: Path, stop_before: int = RECIPE.steps) -> dict[str, torch.Tensor]:
    def until_stopped(first_step: int) -> Iterator[torch.Tensor]:
        for step, batch in enumerate(batches(first_step), first_step):
            if step == stop_before:
                raise KeyboardInterrupt
            yield batch

    model = new_model(RECIPE, vocabulary_size=20, seed=0)
    pretrain(model, RECIPE, until_stopped, torch.ones_like, checkpoint, bfloat16=False)
    return model.state_dict()


def test_a_stopped_pretraining_ends_with_the_weights_of_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "CHECKPOINT_EVERY", 2)
    undisturbed = weights_after(tmp_path / "undisturbed.pt")
    with pytest.raises(KeyboardInterrupt):
        weights_after(tmp_path / "stopped.pt", stop_before=3)
    again = weights_after(tmp_path / "stopped.pt")
    assert all(torch.equal(again[name], undisturbed[name]) for name in undisturbed)
    untrained = new_model(RECIPE, vocabulary_size=20, seed=0).state_dict()
    assert not all(torch.equal(again[name], untrained[name]) for name in untrained)


def test_what_the_player_wrote_weighs_most() -> None:
    ids = {"<user>": 3, "<agent>": 4, "click[": 10, "]": 11}
    row = torch.tensor([[2, 3, 7, 4, 10, 8, 11, 3, 9]])
    weights = LossWeights(observation=0.25, front=0.5, click=5.0)
    assert weights(ids, row).tolist() == [[0.5, 0.25, 0.25, 1.0, 5.0, 5.0, 1.0, 0.25, 0.25]]
    del ids["click["]
    assert weights(ids, row).tolist() == [[0.5, 0.25, 0.25, 1.0, 1.0, 1.0, 1.0, 0.25, 0.25]]


@pytest.mark.parametrize(
    ("folder", "environment", "models"),
    [
        ("tiny_base", [], ["weak", "strong"]),
        ("tiny_three", ["scienceworld"], ["scienceworld/weak", "scienceworld/strong"]),
        ("tiny_three", ["webshop"], ["webshop/weak", "webshop/strong"]),
    ],
)
def test_the_shipped_tokenizers_are_those_of_their_recipe(
    folder: str, environment: list[str], models: list[str]
) -> None:
    path = ROOT / "recipes" / folder / "build_tokenizer.py"
    spec = spec_from_file_location(f"build_tokenizer_{folder}", path)
    assert spec is not None
    assert spec.loader is not None
    recipe = module_from_spec(spec)
    spec.loader.exec_module(recipe)
    built = recipe.build(*environment)
    for model in models:
        shipped = load_tokenizer(f"package:models/tiny/{model}")
        assert shipped.get_vocab() == built.get_vocab()
        assert shipped.chat_template == built.chat_template
