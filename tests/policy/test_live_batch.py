"""Live batches: the cached model says what the plain model says."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from tratree.errors import UserError
from tratree.policy.live_batch import LiveBatch

SHAPE = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}


def random_model(family: str, attention: str, adapter: bool) -> torch.nn.Module:
    torch.manual_seed(0)
    config_type, model_type = {
        "llama": (LlamaConfig, LlamaForCausalLM),
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    }[family]
    model = model_type(config_type(**SHAPE, attn_implementation=attention))
    if adapter:
        model = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
    for weights in model.parameters():  # larger than the initial ones, and no adapter is zero
        torch.nn.init.normal_(weights, std=0.2)
    return model.double().eval()


@pytest.mark.parametrize("adapter", [False, True])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_logits_equal_a_pass_over_each_whole_row(family, attention, adapter):
    model = random_model(family, attention, adapter)
    generator = torch.Generator().manual_seed(0)
    batch = LiveBatch(model, slots=4, max_context=100)
    rows: list[list[int]] = []

    def tokens(count: int) -> list[int]:
        return torch.randint(50, (count,), generator=generator).tolist()

    def prefill(counts: dict[int, int]) -> None:
        fed = {row: tokens(count) for row, count in counts.items()}
        batch.prefill(fed)
        for row, new in fed.items():
            rows[row] += new

    def decode_and_check() -> None:
        fed = tokens(len(rows))
        logits = batch.decode(fed)
        for row, token in enumerate(fed):
            rows[row].append(token)
            with torch.no_grad():
                expected = model(input_ids=torch.tensor([rows[row]])).logits[0, -1]
            torch.testing.assert_close(logits[row], expected, rtol=1e-5, atol=1e-5)
        assert batch.lengths == [len(row) for row in rows]

    for _ in range(3):
        batch.append()
        rows.append([])
    prefill({0: 5, 2: 40, 1: 33})
    decode_and_check()
    prefill({1: 7})
    decode_and_check()
    batch.remove(0)
    rows[0] = rows.pop()
    for _ in range(2):
        batch.append()
        rows.append([])
    prefill({3: 70, 2: 1})
    decode_and_check()
    prefill({0: 100 - len(rows[0]) - 1, 2: 20})
    decode_and_check()


def test_a_context_longer_than_the_model_or_its_window_is_refused():
    model = random_model("llama", "sdpa", adapter=False)
    with pytest.raises(UserError, match="at most 128"):
        LiveBatch(model, slots=1, max_context=129)
    windowed = Qwen2ForCausalLM(
        Qwen2Config(**SHAPE, use_sliding_window=True, sliding_window=64, max_window_layers=0)
    )
    with pytest.raises(UserError, match="at most 64"):
        LiveBatch(windowed.eval(), slots=1, max_context=100)


def test_a_model_in_training_mode_is_refused():
    model = random_model("llama", "sdpa", adapter=False).train()
    with pytest.raises(ValueError, match="eval"):
        LiveBatch(model, slots=1, max_context=8)
