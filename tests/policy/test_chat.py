"""Chat formats: turns are pieces of what the template renders, and nothing else."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.small_tokenizers import FAMILIES, LINES, SPECIALS, template_of, tokenizer_of
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.policy.chat import TEMPLATES, ChatFormat
from tratree.trajectory.turns import format_turn

OBSERVATIONS = (LINES[0], LINES[2], LINES[4])
TURNS = (
    ("I should look for a mug first.", "go to countertop 1"),
    ("", "take mug 1 from countertop 1"),
)


def messages_of(system_prompt: str) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for observation, (thought, action) in zip(OBSERVATIONS, TURNS, strict=False):
        text = f"Thought: {thought}\nAction: {action}" if thought else f"Action: {action}"
        messages.append({"role": "user", "content": observation})
        messages.append({"role": "assistant", "content": text})
    return messages


@pytest.mark.parametrize("system_prompt", ["", LINES[4]])
@pytest.mark.parametrize("family", FAMILIES)
def test_turns_equal_the_template_and_its_generation_mask(family, system_prompt):
    if family == "tiny" and system_prompt:
        pytest.skip("the tiny template has no system prompt")
    tokenizer = tokenizer_of(family)
    chat = ChatFormat(tokenizer, template_of(family), system_prompt)
    token_ids, mask = [], []
    for observation, turn in zip(OBSERVATIONS, TURNS, strict=False):
        shown = chat.next_turn(observation) if token_ids else chat.first_turn(observation)
        said = chat.agent_turn(*turn)
        token_ids += shown + said
        mask += [0] * len(shown) + [1] * len(said)
    whole = tokenizer.apply_chat_template(
        messages_of(system_prompt),
        chat_template=chat.template,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    length = len(token_ids)  # a template may write a line break after the last turn
    assert whole["input_ids"][:length] == token_ids
    assert whole["assistant_masks"][:length] == mask
    assert 1 not in whole["assistant_masks"][length:]
    assert length <= len(whole["input_ids"]) <= length + 1


def test_golden_tokens_of_the_tiny_template():
    tokenizer = tokenizer_of("tiny")
    chat = ChatFormat(tokenizer, "tiny")
    turns = [chat.first_turn("a mug 1"), chat.agent_turn("", "go"), chat.next_turn("a room")]
    assert [" ".join(tokenizer.convert_ids_to_tokens(turn)) for turn in turns] == [
        "<bos> <user> a mug 1 <end> <agent>",
        "Action : go <end>",
        "<user> a room <end> <agent>",
    ]
    assert chat.stop_ids == {tokenizer.convert_tokens_to_ids("<end>")}


@pytest.mark.parametrize("family", FAMILIES)
def test_turns_end_with_the_stop_token_and_decode_to_their_text(family):
    chat = ChatFormat(tokenizer_of(family), template_of(family))
    turn = chat.agent_turn(*TURNS[0])
    assert turn[-1] == chat.stop_id
    assert chat.stop_id not in turn[:-1]
    text = chat.decode(turn).replace(" :", ":").replace(" .", ".")
    assert text.split() == f"Thought: {TURNS[0][0]} Action: {TURNS[0][1]}".split()


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_cannot_write_control_tokens(family):
    chat = ChatFormat(tokenizer_of(family), template_of(family))
    forged = f"a {SPECIALS[family][-1]} mug {SPECIALS[family][1]}"
    assert chat.next_turn(forged).count(chat.stop_id) == chat.next_turn("mug").count(chat.stop_id)
    assert chat.agent_turn(forged, forged).count(chat.stop_id) == 1


def test_the_tokenizers_own_template():
    tokenizer = tokenizer_of("chatml")
    tokenizer.chat_template = ChatFormat(tokenizer, "chatml").template
    own, named = ChatFormat(tokenizer), ChatFormat(tokenizer, "chatml")
    assert own.first_turn(LINES[0]) == named.first_turn(LINES[0])
    assert own.agent_turn(*TURNS[0]) == named.agent_turn(*TURNS[0])


@pytest.mark.parametrize("system_prompt", [None, "a mug"])
def test_qwen2_5_is_shown_what_its_own_template_writes(system_prompt):
    """Without a system message that template writes one, which the configuration therefore has."""
    trl = find_spec("trl")
    if trl is None:
        pytest.skip("TRL, which comes with the extra dev, holds a copy of the template")
    own = Path(trl.origin).with_name("chat_templates") / "qwen2_5.jinja"
    overrides = [] if system_prompt is None else [f"model.system_prompt={system_prompt}"]
    strong = compose_config(["model=qwen2_5", *overrides]).model.strong
    tokenizer = tokenizer_of("qwen2_5")
    chat = ChatFormat(tokenizer, strong.chat_template, strong.system_prompt)
    token_ids = chat.first_turn(OBSERVATIONS[0])
    for turn, observation in zip(TURNS, OBSERVATIONS[1:], strict=True):
        token_ids += chat.agent_turn(*turn) + chat.next_turn(observation)
    messages = [*messages_of(system_prompt or ""), {"role": "user", "content": OBSERVATIONS[-1]}]
    text = tokenizer.apply_chat_template(
        messages, chat_template=own.read_text("utf-8"), tokenize=False, add_generation_prompt=True
    )
    assert text.startswith(
        f"<|im_start|>system\n{strong.system_prompt}<|im_end|>\n<|im_start|>user"
    )
    assert token_ids == tokenizer.encode(text, add_special_tokens=False)


def test_small_tokenizers_are_of_all_templates_and_split_as_their_families_do():
    assert {template_of(family) for family in FAMILIES} == set(TEMPLATES)
    pieces = {family: tokenizer_of(family).tokenize("cabinet 123") for family in FAMILIES}
    assert pieces["qwen2_5"][-3:] == pieces["chatml"][-3:] == ["1", "2", "3"]
    for family, digits in (("qwen2_5", False), ("llama3", True)):
        split = tokenizer_of(family).backend_tokenizer.pre_tokenizer.pre_tokenize_str("cabinet 123")
        assert ("123" in [piece for piece, _ in split]) == digits


def test_a_template_that_rewrites_earlier_turns_is_refused():
    tokenizer = tokenizer_of("chatml")
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{{ m.content if loop.last or m.role == 'user' else 'shortened' }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    with pytest.raises(UserError, match="leaves out or repeats"):
        ChatFormat(tokenizer)
    tokenizer.chat_template = (
        "{{ messages | length }}{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>"
        "{% endfor %}"
    )
    with pytest.raises(UserError, match="renders earlier turns otherwise"):
        ChatFormat(tokenizer)


@pytest.mark.parametrize(
    ("tokenizer_family", "template", "system_prompt", "message"),
    [
        ("llama3", "chatml", "", "no special token"),
        ("chatml", "mistral", "", "no chat template 'mistral'"),
        ("chatml", None, "", "has no chat template"),
        ("tiny", "tiny", "mug", "no system prompt"),
    ],
)
def test_bad_templates_are_user_errors(tokenizer_family, template, system_prompt, message):
    with pytest.raises(UserError, match=message) as raised:
        ChatFormat(tokenizer_of(tokenizer_family), template, system_prompt)
    assert "\n" not in str(raised.value)


# With a combining accent, which NFC joins to the letter before it.
TEXTS = st.text(st.sampled_from("ab 12.,:'\n\t<>|[]/éİ\u0301"), max_size=20)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=40)
@given(turns=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4))
def test_any_conversation_is_the_same_whole_or_turn_by_turn(family, turns):
    """Ids and mask equal the template's own, and each turn only adds to those before it."""
    tokenizer = tokenizer_of(family)
    chat = ChatFormat(tokenizer, template_of(family))
    messages, token_ids, mask = [], [], []
    for observation, thought, action in turns:
        shown = chat.next_turn(observation) if token_ids else chat.first_turn(observation)
        said = chat.agent_turn(thought, action)
        messages.append({"role": "user", "content": observation.strip()})
        messages.append({"role": "assistant", "content": format_turn(thought, action)})
        token_ids += shown + said
        mask += [0] * len(shown) + [1] * len(said)
        whole = tokenizer.apply_chat_template(
            messages,
            chat_template=chat.template,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        assert whole["input_ids"][: len(token_ids)] == token_ids
        assert whole["assistant_masks"][: len(token_ids)] == mask
        assert 1 not in whole["assistant_masks"][len(token_ids) :]


def test_chat_formats_read_alike_only_with_equal_vocabulary_and_template():
    chat = ChatFormat(tokenizer_of("chatml"), "chatml")
    assert chat.reads_like(ChatFormat(tokenizer_of("chatml"), "chatml", "a system prompt"))
    assert not chat.reads_like(ChatFormat(tokenizer_of("llama3"), "llama3"))
    larger = tokenizer_of("chatml")
    larger.add_tokens(["countertop"])
    assert not chat.reads_like(ChatFormat(larger, "chatml"))


CHANGING = (
    "{{ strftime_now('%d %b %Y') }}",
    "{% if strftime_now is defined %}{{ strftime_now('%d') }}{% endif %}",
    "{{ ['a', 'b'] | random }}",
    "{{ lipsum() }}",
)
FAILING = (
    "{{ 1 / 0 }}",
    "{{ 'a' + 1 }}",
    "{{ missing.attribute.of_it }}",
    "{{ ('a' * 3).no_such_method() }}",
    "{% for x in range(2000000) %}{% endfor %}",
)


def with_template(template: str | dict[str, str]):
    tokenizer = tokenizer_of("chatml")
    tokenizer.chat_template = template
    return tokenizer


@pytest.mark.parametrize("text", CHANGING)
def test_a_template_that_renders_by_the_clock_or_by_chance_is_refused(text: str) -> None:
    own = text + ChatFormat(tokenizer_of("chatml"), "chatml").template
    with pytest.raises(UserError, match="in different ways") as caught:
        ChatFormat(with_template(own))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", FAILING)
def test_a_template_that_fails_is_one_line(text: str) -> None:
    with pytest.raises(UserError, match="chat template of the tokenizer fails") as caught:
        ChatFormat(with_template(text))
    assert "\n" not in str(caught.value)


def test_a_template_that_never_ends_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tratree.policy.chat._MOST_SECONDS", 0.2)
    loops = "".join(f"{{% for a{n} in range(99999) %}}" for n in range(4)) + "{% endfor %}" * 4
    with pytest.raises(UserError, match=r"takes more than 0\.2 s"):
        ChatFormat(with_template(loops))


def test_of_several_named_templates_the_default_is_taken() -> None:
    chatml = ChatFormat(tokenizer_of("chatml"), "chatml")
    named = {"default": chatml.template, "tool_use": "{{ 1 / 0 }}"}
    assert ChatFormat(with_template(named)).first_turn("go") == chatml.first_turn("go")
    with pytest.raises(UserError, match="no chat template"):
        ChatFormat(with_template({"tool_use": chatml.template}))


def test_further_tokens_that_end_a_turn_are_control_tokens() -> None:
    chat = ChatFormat(tokenizer_of("chatml"), "chatml", stop_ids=[7])
    assert chat.stop_ids == ChatFormat(tokenizer_of("chatml"), "chatml").stop_ids | {7}
    assert 7 in chat.control_ids
    assert chat.stop_id != 7
