"""Trajectories as token ids and masks."""

from dataclasses import replace

import pytest

from tests.policy.small_tokenizers import FAMILIES, LINES, template_of, tokenizer_of
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import encode_trajectory, without_token_ids
from tratree.trajectory.types import Step, Task, Trajectory

STEPS = (
    Step("I should look for a mug first.", "go to countertop 1", LINES[2]),
    Step("", "take mug 1 from countertop 1", LINES[4]),
)


def trajectory_of(steps: tuple[Step, ...]) -> Trajectory:
    task = Task("task", "train", "put", "put a clean mug in cabinet 1")
    return Trajectory(task, LINES[0], steps, score=0.0, success=False, finished=False)


def test_golden_mask_of_the_tiny_template():
    tokenizer = tokenizer_of("tiny")
    steps = (Step("", "go", "a mug 1"), Step("I see", "take mug", "a room"))
    encoded = encode_trajectory(ChatFormat(tokenizer, "tiny"), trajectory_of(steps))
    tokens = tokenizer.convert_ids_to_tokens(encoded.token_ids)
    assert " ".join(tokens[encoded.turn_starts[0] :]) == (
        "Action : go <end> <user> a mug 1 <end> <agent> Thought : I see Action : take mug <end>"
    )
    marks = "".join("x" if own else "." for own in encoded.agent_mask[encoded.turn_starts[0] :])
    assert marks == "xxxx......xxxxxxxxx"
    assert not any(encoded.agent_mask[: encoded.turn_starts[0]])


@pytest.mark.parametrize("family", FAMILIES)
def test_masked_tokens_are_the_turns_and_the_rest_is_shown(family):
    chat = ChatFormat(tokenizer_of(family), template_of(family))
    encoded = encode_trajectory(chat, trajectory_of(STEPS))
    assert len(encoded.token_ids) == len(encoded.agent_mask)
    own = [i for i, mine in zip(encoded.token_ids, encoded.agent_mask, strict=True) if mine]
    shown = [i for i, mine in zip(encoded.token_ids, encoded.agent_mask, strict=True) if not mine]
    assert own == [i for step in STEPS for i in chat.agent_turn(step.thought, step.action)]
    assert shown == chat.first_turn(LINES[0]) + chat.next_turn(LINES[2])
    for start, step in zip(encoded.turn_starts, STEPS, strict=True):
        turn = chat.agent_turn(step.thought, step.action)
        assert encoded.token_ids[start : start + len(turn)] == tuple(turn)
        assert not encoded.agent_mask[start - 1]


def test_sampled_ids_are_used_as_they_are():
    chat = ChatFormat(tokenizer_of("chatml"), "chatml")
    spelled = (*chat.first_turn("Action: go to")[3:9], chat.stop_id)
    steps = (Step("", "whatever the text says", LINES[2], token_ids=spelled), STEPS[1])
    encoded = encode_trajectory(chat, trajectory_of(steps))
    start = encoded.turn_starts[0]
    assert encoded.token_ids[start : start + len(spelled)] == spelled
    assert all(encoded.agent_mask[start : start + len(spelled)])


def test_what_a_limit_put_into_a_turn_is_no_target():
    chat = ChatFormat(tokenizer_of("tiny"), "tiny")
    cut = (*chat.agent_turn("", "go to")[:-2], chat.stop_id)
    last = len(cut) - 1
    steps = (Step("", "go", LINES[2], token_ids=cut, inserted=(last,)), STEPS[1])
    encoded = encode_trajectory(chat, trajectory_of(steps))
    start = encoded.turn_starts[0]
    assert encoded.token_ids[start : start + len(cut)] == cut
    assert encoded.agent_mask[start : start + len(cut)] == (True,) * last + (False,)
    sampled = encode_trajectory(chat, trajectory_of((replace(steps[0], inserted=()), STEPS[1])))
    assert sum(sampled.agent_mask) == sum(encoded.agent_mask) + 1


def test_without_token_ids_another_vocabulary_learns_the_texts():
    weak, strong = (ChatFormat(tokenizer_of(name), name) for name in ("tiny", "chatml"))
    steps = tuple(
        Step(s.thought, s.action, s.observation, tuple(weak.agent_turn(s.thought, s.action)))
        for s in STEPS
    )
    sampled, written = trajectory_of(steps), trajectory_of(STEPS)
    assert without_token_ids(sampled) == written
    cut = tuple(replace(step, inserted=(len(step.token_ids) - 1,)) for step in steps)
    assert without_token_ids(trajectory_of(cut)) == written
    assert encode_trajectory(weak, sampled) == encode_trajectory(weak, written)
    assert encode_trajectory(strong, sampled) != encode_trajectory(strong, written)
