"""The prompt: read from ETO's files, before every task, never a target, and given once."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.policy.cloned_policy import LIMITS, load_policy, make_env, tasks_of
from tests.policy.prompts import EXAMPLE, RULES, write_prompt
from tests.policy.small_tokenizers import FAMILIES, template_of, tokenizer_of
from tests.policy.vllm_stand_in import LocalVllm, serving
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import encode_trajectory
from tratree.policy.live_batch import LiveBatch
from tratree.policy.machine_settings import EngineSettings
from tratree.policy.prompt import Prompt, read_prompt, without_prompt
from tratree.policy.rollout import run_episodes
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan
from tratree.policy.sampling import SamplingSettings
from tratree.policy.server_pool import ServerPool
from tratree.policy.server_rollout import roll_out_on_servers
from tratree.policy.vllm_server import VllmServer
from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.types import Step, Task, Trajectory

PROMPT = Prompt(RULES, EXAMPLE, first_label="", label="Observation: ")
ROOMY = replace(LIMITS, max_context=512, max_steps=4)


def test_files_are_read_in_etos_formats(tmp_path: Path) -> None:
    write_prompt(tmp_path, RULES + "\n", (EXAMPLE, EXAMPLE[:2]))
    files = str(tmp_path / "inst.txt"), str(tmp_path / "icl.json")
    assert read_prompt(*files, 1) == PROMPT
    assert read_prompt(*files, 2) == replace(PROMPT, example=EXAMPLE + EXAMPLE[:2])
    assert read_prompt(*files, 0) == PROMPT.without_example()
    assert read_prompt(files[0], None, 1) == Prompt(RULES)
    assert read_prompt(None, None, 1) is None
    assert Prompt.from_json(json.loads(json.dumps(PROMPT.to_json()))) == PROMPT


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "has another form than ETO's examples"),
        ("{}", "it is not a list of examples"),
        ("[[]]", "example 1 is not a list of turns"),
        ('[[{"role": "user", "content": "a"}]]', "example 1 is not a list of turns"),
        ('[[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]]', "message 2"),
        ('[[{"role": "user", "content": 3}, {"role": "gpt", "content": "b"}]]', "message 1"),
        ('[["a", "b"]]', "message 1 of example 1 is not a text of user or human"),
        (json.dumps([[{"role": "user", "content": "a"}, {"from": "gpt", "value": "b"}]]), "most 1"),
    ],
)
def test_other_forms_are_said_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "icl.json").write_text(content)
    with pytest.raises(UserError, match=said) as caught:
        read_prompt(None, str(tmp_path / "icl.json"), 2)
    assert "\n" not in str(caught.value)


def test_missing_empty_and_foreign_rules_are_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"env\.prompt\.rules=.* cannot be read \(No such file"):
        read_prompt(str(tmp_path / "none"), None, 1)
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(UserError, match="is empty"):
        read_prompt(str(tmp_path / "empty"), None, 1)
    (tmp_path / "latin").write_bytes("é".encode("latin1"))
    with pytest.raises(UserError, match="it is not UTF-8 text"):
        read_prompt(str(tmp_path / "latin"), None, 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_conversation_is_what_the_template_renders(family: str) -> None:
    tokenizer = tokenizer_of(family)
    chat = ChatFormat(tokenizer, template_of(family), prompt=PROMPT)
    said = "Thought: so\nAction: go to desk 1"
    ids = chat.first_turn("You see a mug 1.") + chat.agent_turn("so", "go to desk 1")
    ids += chat.next_turn("a desk 1")
    messages = [
        *PROMPT.messages(),
        {"role": "user", "content": "You see a mug 1."},
        {"role": "assistant", "content": said},
        {"role": "user", "content": "Observation: a desk 1"},
    ]
    whole = tokenizer.apply_chat_template(
        messages, chat_template=chat.template, add_generation_prompt=True, tokenize=False
    )
    assert ids == tokenizer.encode(whole, add_special_tokens=False)
    assert [m["content"] for m in messages[:2]] == [RULES, "OK"]


def test_golden_tokens_with_a_prompt() -> None:
    tokenizer = tokenizer_of("tiny")
    prompt = Prompt("You are in a room.", ("a mug 1", "Action: go"), label="Observation: ")
    chat = ChatFormat(tokenizer, "tiny", prompt=prompt)
    turns = [chat.prefix, chat.first_turn("a plate 1")[len(chat.prefix) :], chat.next_turn("room")]
    assert [" ".join(tokenizer.convert_ids_to_tokens(list(turn))) for turn in turns] == [
        "<bos> <user> You are in a room . <end> <agent> <unk> <end> "
        "<user> a mug 1 <end> <agent> Action : go <end>",
        "<user> a plate 1 <end> <agent>",
        "<user> <unk> : room <end> <agent>",
    ]
    assert chat.with_prompt(None).prefix == ()
    assert chat.with_prompt(None).first_turn("a mug 1") == ChatFormat(tokenizer, "tiny").first_turn(
        "a mug 1"
    )


def episode(first: str, *turns: tuple[str, str, str]) -> Trajectory:
    task = Task("1", "train", "pick", first)
    return Trajectory(task, first, tuple(Step(*t) for t in turns), 1.0, True, True)


PLAYED = episode(
    "You see a shelf 1. Your task is to: take a cup.",
    ("It may be here.", "go to shelf 1", "On the shelf 1, you see a cup 1."),
    ("Now.", "take cup 1 from shelf 1", "You take it."),
)


@pytest.mark.parametrize("family", FAMILIES)
def test_rules_answer_and_example_are_no_target(family: str) -> None:
    tokenizer = tokenizer_of(family)
    chat = ChatFormat(tokenizer, template_of(family), prompt=PROMPT)
    encoded = encode_trajectory(chat, PLAYED)
    plain = encode_trajectory(chat.with_prompt(None), PLAYED)
    assert encoded.token_ids[: len(chat.prefix)] == chat.prefix
    assert not any(encoded.agent_mask[: len(chat.prefix)])

    def targets(of: object) -> list[int]:
        return [t for t, own in zip(of.token_ids, of.agent_mask, strict=True) if own]

    assert targets(encoded) == targets(plain)
    assert len(encoded.turn_starts) == len(PLAYED.steps)


def imported_with_the_prompt(rules: str = "") -> Trajectory:
    """Return what a reader makes of a conversation whose first turns are the worked example."""
    users, agents = EXAMPLE[::2], EXAMPLE[1::2]
    shown = [users[1].removeprefix("Observation: "), PLAYED.first_observation]
    steps = [
        Step(*parse_turn(text), observation)
        for text, observation in zip(agents, shown, strict=True)
    ]
    return replace(PLAYED, first_observation=rules + users[0], steps=tuple(steps) + PLAYED.steps)


@pytest.mark.parametrize("rules", ["", RULES + "\n\n"])
def test_a_demonstration_that_begins_with_the_prompt_is_not_given_it_twice(rules: str) -> None:
    assert without_prompt(imported_with_the_prompt(rules), PROMPT) == PLAYED
    assert without_prompt(PLAYED, PROMPT) == PLAYED
    inlined = replace(PLAYED, first_observation=f"{rules}Observation:\n{PLAYED.first_observation}")
    assert without_prompt(inlined, PROMPT) == PLAYED


def test_another_example_is_left_alone() -> None:
    other = imported_with_the_prompt()
    changed = replace(other, steps=(replace(other.steps[0], action="look"), *other.steps[1:]))
    assert without_prompt(changed, PROMPT) == changed
    assert len(without_prompt(changed, replace(PROMPT, example=())).steps) == 4


def play(folder: Path, chat: ChatFormat, batch_size: int, limits: RolloutLimits = ROOMY) -> list:
    model, _ = load_policy(folder)
    found = dict(
        run_episodes(
            model,
            chat,
            partial(make_env, folder),
            episodes_of(folder),
            RolloutPlan(0, "test", "cloned", limits, EngineSettings(batch_size)),
        )
    )
    return [found[index] for index in range(len(found))]


def episodes_of(folder: Path) -> list[Episode]:
    return [
        Episode(task, n, SamplingSettings(temperature))
        for task in tasks_of(folder)[:3]
        for n, temperature in enumerate((0.0, 1.0))
    ]


@pytest.fixture(scope="module")
def prompted(policy_folder: Path) -> ChatFormat:
    return load_policy(policy_folder)[1].with_prompt(PROMPT)


def test_rollouts_are_what_training_reads_and_the_prefix_is_computed_once(
    policy_folder: Path, prompted: ChatFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed: list[int] = []
    original = LiveBatch.prefill

    def counting(self: LiveBatch, tokens: dict) -> None:
        fed.extend(len(new) for new in tokens.values())
        original(self, tokens)

    monkeypatch.setattr(LiveBatch, "prefill", counting)
    together = play(policy_folder, prompted, 4)
    assert fed.count(len(prompted.prefix)) == 1
    assert max(fed) == len(prompted.prefix)
    assert together == play(policy_folder, prompted, 1)
    monkeypatch.setattr(LiveBatch, "feed_prefix", lambda self: None)  # each row feeds all of it
    assert together == play(policy_folder, prompted, 4)
    model, _ = load_policy(policy_folder)
    greedy = together[0]
    encoded = encode_trajectory(prompted, greedy)
    logits = model(input_ids=torch.tensor([encoded.token_ids])).logits[0]
    for start, step in zip(encoded.turn_starts, greedy.steps, strict=True):
        said = encoded.token_ids[start : start + len(step.token_ids)]
        assert said == step.token_ids
        assert int(logits[start - 1].argmax()) == said[0]


def test_a_vllm_server_is_asked_with_the_same_tokens(
    policy_folder: Path, prompted: ChatFormat
) -> None:
    model, _ = load_policy(policy_folder)
    greedy = [e for e in episodes_of(policy_folder) if e.sample == 0]
    limits = replace(ROOMY, max_steps=2)
    with serving(LocalVllm("base", 512, {"sft": model})) as url:
        server = VllmServer(url)
        found = dict(
            roll_out_on_servers(
                ServerPool([server]),
                "sft",
                prompted,
                partial(make_env, policy_folder),
                greedy,
                RolloutPlan(0, "test", "cloned", limits, EngineSettings(2)),
                concurrent=2,
            )
        )
        server.close()
    expected = play(policy_folder, prompted, 4, limits)[::2]
    assert [found[index] for index in range(len(found))] == expected


def test_a_prompt_that_fills_the_context_is_said_before_anything_is_played(
    policy_folder: Path, prompted: ChatFormat
) -> None:
    count = len(prompted.prefix)
    full = replace(LIMITS, max_context=count + LIMITS.max_new_tokens)
    with pytest.raises(UserError, match=rf"the prompt has {count} tokens .*: set model\.context"):
        play(policy_folder, prompted, 2, full)
    tight = replace(LIMITS, max_context=count + LIMITS.max_new_tokens + 5)
    with pytest.raises(UserError, match=rf"needs \d+ tokens, {count} of them the prompt's: set"):
        play(policy_folder, prompted, 2, tight)


@pytest.mark.parametrize("name", ["alfworld", "sciworld", "webshop"])
def test_the_official_files(name: str) -> None:
    rules, examples = (external_data(f"prompts/{name}{end}") for end in ("_inst.txt", "_icl.json"))
    if rules is None or examples is None:
        pytest.skip("no external data")
    prompt = read_prompt(str(rules), str(examples), 1)
    assert prompt is not None
    assert len(prompt.example) == {"alfworld": 10, "sciworld": 14, "webshop": 8}[name]
    assert all("Action:" in text for text in prompt.example[1::2])
    expected = {
        "alfworld": ("", "Observation: "),
        "sciworld": ("", "Observation: "),
        "webshop": ("Observation:\n", "Observation:\n"),
    }
    assert (prompt.first_label, prompt.label) == expected[name]
