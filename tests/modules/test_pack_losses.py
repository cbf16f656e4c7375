"""A tree in one pass gives the losses and gradients of its pairs one by one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peft import PeftModel
from transformers import AutoModelForCausalLM as Auto
from transformers import (
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from tests.modules.small_models import (
    SETTINGS,
    VOCABULARY,
    random_tree,
    score_sequences,
    small_model,
)
from tratree.data.episodes import EpisodeDataModule
from tratree.data.packing import Pack, pack_sequences
from tratree.data.padding import Batch, collate
from tratree.data.pairs import EncodedPair, PairDataModule
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.base import play_expert
from tratree.errors import UserError
from tratree.models.loading import load_base, load_tokenizer, no_future_warnings
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.modules import pack_attention
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.fit import fit
from tratree.modules.imitation import MCTSImitationModule, SFTModule
from tratree.modules.log_probabilities import sequence_log_probs
from tratree.modules.pack_attention import EDGES, attend_by_edges
from tratree.modules.settings import DPOSettings
from tratree.modules.training_history import METRICS, read_metrics
from tratree.modules.tree_dpo import TreeDPOModule
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import EncodedTrajectory
from tratree.stages.reference import encode_pair
from tratree.trajectory.types import Step, Task, Trajectory
from tratree.tree.divergence import find_pairs
from tratree.tree.merge import build_tree
from tratree.tree.paths import pair_trajectories
from tratree.tree.similarity import ExactText

SIZE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
}
ARCHITECTURES: dict[str, PretrainedConfig] = {
    "llama": LlamaConfig(**SIZE),
    "qwen2": Qwen2Config(**SIZE),
    "qwen3": Qwen3Config(**SIZE, head_dim=8),
    "mistral": MistralConfig(**SIZE, sliding_window=None),
    "phi3": Phi3Config(**SIZE),
    "gpt2": GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4),
}


def model_of(name: str, attention: str = "sdpa") -> PeftModel:
    """Return a model of an architecture, with an adapter that changes something."""
    torch.manual_seed(0)
    base: PreTrainedModel = Auto.from_config(ARCHITECTURES[name], attn_implementation=attention)
    model = add_lora(base.eval(), LoraSettings(rank=4, alpha=8), seed=0)
    change_adapter(model)
    attend_by_edges(model)
    return model


def change_adapter(model: PeftModel) -> None:
    """Let a new adapter change something: its second half is zero, and so the first's gradient."""
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(0.05 * torch.randn(weights.shape))


def loss_and_gradients(
    model: PeftModel, pairs: Sequence[EncodedPair], data: PairDataModule, dpo: DPOSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    module = TreeDPOModule(model, SETTINGS, dpo)
    model.zero_grad()
    batches = data.collate(pairs, 2)
    assert sum(map(module.units, batches)) == len(pairs)
    total = sum(module.sums(batch)["loss"] for batch in batches) / len(pairs)
    total.backward()
    return total.detach(), gradients(model)


def gradients(model: PeftModel) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def assert_close(ours: torch.Tensor, expected: torch.Tensor) -> None:
    """Compare to 1e-5 of the size of the whole."""
    assert torch.linalg.norm(ours - expected) <= 1e-5 * torch.linalg.norm(expected)


def assert_equal_to_pairwise(
    model: PeftModel, pairs: list[EncodedPair], dpo: DPOSettings, tokens: Sequence[int]
) -> None:
    expected = loss_and_gradients(model, pairs, PairDataModule(pairs, 256), dpo)
    for pack_tokens in tokens:
        data = PairDataModule(pairs, 256, pack_tokens=pack_tokens)
        for ours, theirs in zip(loss_and_gradients(model, pairs, data, dpo), expected, strict=True):
            assert_close(ours, theirs)


MODEL = model_of("llama")


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    pairs=st.integers(1, 7),
    pack_tokens=st.integers(1, 300),
    dpo=st.builds(
        DPOSettings,
        beta=st.sampled_from([0.1, 0.5]),
        label_smoothing=st.sampled_from([0.0, 0.2]),
        length_normalised=st.booleans(),
    ),
)
def test_random_trees(seed: int, pairs: int, pack_tokens: int, dpo: DPOSettings) -> None:
    assert_equal_to_pairwise(MODEL, random_tree(seed, pairs), dpo, [pack_tokens])


def explored_pairs(folder: Path, games: int, attempts: int) -> list[EncodedPair]:
    """Play real games by the expert, which now and then acts at random and so runs out of steps."""
    generate_games(folder / "games", "train", games, difficulty="small", seed=0)
    source = GameFolder(folder / "games")
    env = AlfworldEnv(source, 30, folder / "translated")
    chat = ChatFormat(load_tokenizer("package:models/tiny/strong"), "tiny")
    pairs = []
    for task in source.tasks("train"):
        limit = len(play_expert(env, task).steps)
        played = [play_badly(env, task, limit, seed) for seed in range(attempts)]
        tree = build_tree(played, similarity=ExactText())
        for pair in find_pairs(tree):
            chosen, rejected = encode_pair(chat, pair_trajectories(tree, pair))
            pairs.append(EncodedPair(chosen, rejected, (-9.0, -9.0), tree=task.task_id))
    env.close()
    return pairs


def play_badly(env: AlfworldEnv, task: Task, limit: int, seed: int) -> Trajectory:
    rng = random.Random(f"{seed} {task.task_id}")
    result = env.reset(task)
    expert, first, steps = env.expert(task), result.observation, []
    while not result.finished and len(steps) < limit:
        thought, action = expert(result)
        if rng.random() < 0.2:
            thought, action = "", rng.choice(env.admissible())
        result = env.step(action)
        steps.append(Step(thought, action, result.observation))
    won = result.finished
    return Trajectory(task, first, tuple(steps), float(won), won, won, sample=seed)


@pytest.mark.slow
def test_real_trees(tmp_path: Path) -> None:
    pairs = explored_pairs(tmp_path, games=3, attempts=8)
    model = add_lora(load_base(ModelSettings("package:models/tiny/strong")), LoraSettings(), seed=0)
    torch.manual_seed(0)
    change_adapter(model)
    attend_by_edges(model)
    assert len(pairs) > 10
    assert_equal_to_pairwise(model, pairs, DPOSettings(), [4096, 700])


@pytest.mark.parametrize("attention", ["sdpa", "eager", EDGES])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures_and_attentions(name: str, attention: str) -> None:
    model = model_of(name)
    model.set_attn_implementation(attention)
    assert_equal_to_pairwise(model, random_tree(1), DPOSettings(), [1000, 60])


def after_a_prompt(sample: EncodedTrajectory) -> EncodedTrajectory:
    prefix = tuple(range(1, 41))
    return replace(
        sample,
        token_ids=prefix + sample.token_ids,
        agent_mask=(False,) * len(prefix) + sample.agent_mask,
    )


@pytest.mark.parametrize("attention", ["sdpa", EDGES])
def test_a_prompt_before_every_sequence_is_in_a_pack_once(attention: str) -> None:
    trees = [
        replace(pair, chosen=after_a_prompt(pair.chosen), rejected=after_a_prompt(pair.rejected))
        for seed in (1, 2)
        for pair in random_tree(seed, pairs=3)
    ]
    model = model_of("llama")
    model.set_attn_implementation(attention)
    assert_equal_to_pairwise(model, trees, DPOSettings(), [4096, 90])
    tokens = pack_sequences([pair.chosen for pair in trees]).token_ids[0].tolist()
    assert tokens[:40] == list(range(1, 41))
    assert len(tokens) <= 40 + sum(len(pair.chosen.token_ids) - 40 for pair in trees)


@pytest.mark.parametrize("pack_tokens", [4096, 90])
def test_episodes_with_a_prompt_can_be_packed_instead_of_padded(pack_tokens: int) -> None:
    model = model_of("llama")
    module = SFTModule(model, SETTINGS)
    samples = [after_a_prompt(pair.chosen) for pair in random_tree(5)]
    found = []
    for data in (
        EpisodeDataModule(samples, 256),
        EpisodeDataModule(samples, 256, pack_tokens=pack_tokens),
    ):
        model.zero_grad()
        batches = data.collate(samples, 2)
        units = sum(map(module.units, batches))
        loss = sum(module.sums(batch)["loss"] for batch in batches) / units
        loss.backward()
        found.append((loss.detach(), gradients(model)))
    for padded, packed in zip(*found, strict=True):
        assert_close(packed, padded)


@pytest.mark.parametrize("attention", ["sdpa", EDGES])
def test_gradient_checkpointing_changes_nothing(attention: str) -> None:
    pairs, passes, found = random_tree(1), [], []
    data = PairDataModule(pairs, 256, pack_tokens=60)
    for checkpointing in (False, True):
        model = model_of("llama").train()
        model.set_attn_implementation(attention)
        base = model.get_base_model()
        if checkpointing:
            with no_future_warnings():
                base.gradient_checkpointing_enable({"use_reentrant": False})
        base.model.layers[0].mlp.register_forward_pre_hook(lambda *_: passes.append(1))
        found.append(loss_and_gradients(model, pairs, data, DPOSettings()))
        passes.append(0)
    once = passes.index(0)
    assert len(passes) == 3 * once + 2  # each pass over the packs is done again for the gradients
    for plain, again in zip(*found, strict=True):
        assert_close(again, plain)


def test_long_edges_are_cut_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_attention, "LONGEST_EDGE", 3)
    model = model_of("llama")
    model.set_attn_implementation(EDGES)
    assert_equal_to_pairwise(model, random_tree(1), DPOSettings(), [1000, 60])


def test_a_pack_of_one_sequence_is_that_sequence() -> None:
    sample = random_tree(2)[0].chosen
    packed, padded = (
        sequence_log_probs(MODEL, batch) for batch in (pack_sequences([sample]), collate([sample]))
    )
    assert_close(packed, padded)


def test_the_cost_does_not_grow_with_the_pairs() -> None:
    seen: list[int] = []
    model = model_of("llama")
    model.get_base_model().lm_head.register_forward_hook(
        lambda module, arguments, output: seen.append(output.shape[1])
    )
    pairs = random_tree(3, pairs=4)
    every = [replace(one, rejected=two.rejected) for one in pairs for two in pairs]
    module = TreeDPOModule(model, SETTINGS, DPOSettings())
    for chosen in (pairs, every):
        [batch] = PairDataModule(chosen, 256, pack_tokens=4096).collate(chosen, 2)
        assert module.units(batch) == len(chosen)
        module.sums(batch)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("module_type", [SFTModule, MCTSImitationModule])
def test_paths_of_a_tree_can_be_imitated_in_one_pass(
    module_type: Callable[..., AdapterModule[Batch | Pack]],
) -> None:
    model = model_of("llama")
    module = module_type(model, SETTINGS)
    paths = [pair.chosen for pair in random_tree(5)]
    losses = []
    for batch in (pack_sequences(paths), collate(paths)):
        model.zero_grad()
        loss = module.sums(batch)["loss"] / module.units(batch)
        loss.backward()
        losses.append((loss.detach(), gradients(model)))
    for packed, padded in zip(*losses, strict=True):
        assert_close(packed, padded)


def test_any_training_attends_to_packs_by_edges(tmp_path: Path) -> None:
    model = small_model()
    data = EpisodeDataModule([pair.chosen for pair in random_tree(5)], 256, pack_tokens=4096)
    fit(SFTModule(model, SETTINGS), data, folder=tmp_path, seed=0)
    assert model.config._attn_implementation == EDGES


def test_reference_scores_come_from_the_same_pass() -> None:
    model = model_of("qwen2").get_base_model()
    sides = [side for pair in random_tree(7) for side in (pair.chosen, pair.rejected)]
    expected = score_sequences(model, sides, pack_tokens=None)
    for pack_tokens in (4096, 60):
        scores = score_sequences(model, sides, pack_tokens=pack_tokens)
        assert scores == pytest.approx(expected, rel=1e-5)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention_sees_the_same() -> None:
    """Its backward pass needs a GPU."""
    model = model_of("llama").get_base_model()
    sides = [side for pair in random_tree(7) for side in (pair.chosen, pair.rejected)]
    expected = score_sequences(model, sides, pack_tokens=None)
    model.set_attn_implementation("flex_attention")
    with torch.compiler.set_stance("force_eager"):
        scores = score_sequences(model, sides, pack_tokens=4096)
    assert scores == pytest.approx(expected, rel=1e-5)


def test_a_window_shorter_than_a_trajectory_is_refused() -> None:
    pack = pack_sequences([random_tree(0)[0].chosen])
    length = pack.token_ids.shape[1]
    for window, refused in ((length, False), (length - 1, True)):
        config = MistralConfig(**SIZE, sliding_window=window)
        model = Auto.from_config(config, attn_implementation="sdpa").eval()
        with pytest.raises(UserError, match=f"over {window} tokens") if refused else nullcontext():
            sequence_log_probs(model, pack)


def test_an_attention_without_masks_is_refused() -> None:
    model = model_of("llama")
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(UserError, match=r"takes no mask.*method\.packing=pairwise"):
        sequence_log_probs(model, pack_sequences([random_tree(0)[0].chosen]))


def trees() -> list[EncodedPair]:
    return [
        replace(pair, tree=str(seed)) for seed in range(8) for pair in random_tree(seed, pairs=3)
    ]


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """Return the figures of a training by packs that were cut."""
    return train(tmp_path_factory.mktemp("packs"), pack_tokens=200)


def train(folder: Path, pack_tokens: int | None) -> dict[str, list[float]]:
    module = TreeDPOModule(model_of("llama"), SETTINGS, DPOSettings())
    fit(module, PairDataModule(trees(), 256, pack_tokens=pack_tokens), folder=folder, seed=0)
    rows = read_metrics(folder / METRICS)
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_a_training_by_packs_has_the_golden_curve(curve: dict[str, list[float]]) -> None:
    first = [0.265589, 1.00153, 0.355728, 0.405776, 1.508649, 0.519518]
    second = [1.480116, 0.791823, 0.511634, 0.338427, 0.607543, 0.657371, 0.110527]
    assert curve["loss"] == pytest.approx(first + second, rel=1e-4)


def test_a_training_by_packs_is_that_by_pairs(
    curve: dict[str, list[float]], tmp_path: Path
) -> None:
    pairwise = train(tmp_path, pack_tokens=None)
    for name in ("loss", "gradient_norm", "margin"):
        assert curve[name] == pytest.approx(pairwise[name], rel=1e-3)
