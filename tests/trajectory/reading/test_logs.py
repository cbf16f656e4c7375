"""Episodes in one text, and texts that go on where others end."""

import json

import pytest

from tests.trajectory.reading.episode import ACTIONS, ANSWERS, OPENING, ROWS, TURNS, chat, expect
from tratree.errors import UserError
from tratree.trajectory.reading.read import read_trajectory_files

GAME = f"{OPENING}\n" + "".join(f"> think: {t}\nOK.\n> {a}\n{b}\n" for _, t, a, b in ROWS)
LABELS = "ActionPath {0}: x\nThought {0}: {1}\nAction {0}: {2}\nObservation {0}: {3}\n"


def test_a_log_with_other_labels_behind_its_question(tmp_path):
    text = "".join(LABELS.format(n, t, a, b) for n, (_, t, a, b) in enumerate(ROWS))
    (tmp_path / "log.json").write_text(json.dumps({"question": OPENING, "trajectory": text}))
    [told] = read_trajectory_files(tmp_path / "log.json").trajectories
    assert told.first_observation == OPENING
    assert [(step.action, step.observation) for step in told.steps] == list(
        zip(ACTIONS, ANSWERS, strict=True)
    )


def test_a_log_in_tags(tmp_path):
    tagged = "".join(f"{turn}\n<obs>{b}</obs>\n" for turn, b in zip(TURNS, ANSWERS, strict=True))
    text = f"<episode>\n<obs>{OPENING}</obs>\n{tagged}</episode>"
    expect(text, tmp_path, name="log.txt")


@pytest.mark.parametrize("stamp", ["2025-01-01 12:00:00 INFO agent: ", "INFO:agent:", "[INFO] "])
def test_what_a_program_logs_before_its_lines(stamp, tmp_path):
    opening = OPENING.replace("\n", " ")
    said = [f"Observation: {opening}"]
    said += [line for _, t, a, b in ROWS
             for line in (f"Thought: {t}", f"Action: {a}", f"Observation: {b}")]  # fmt: skip
    (tmp_path / "log.log").write_text("\n".join(stamp + line for line in said))
    [told] = read_trajectory_files(tmp_path / "log.log").trajectories
    assert told.first_observation == opening
    assert [step.action for step in told.steps] == ACTIONS
    assert [step.observation for step in told.steps] == ANSWERS


def test_speakers_in_bold(tmp_path):
    names = {"user": "User", "assistant": "Assistant"}
    said = [f"**{names[m['role']]}:** {m['content']}\n\n" for m in chat()]
    expect("# Episode\n\n" + "".join(said), tmp_path, name="log.txt")


@pytest.mark.parametrize("form", ["{}: ", "[{}] ", "**{}:** "])
def test_speakers_of_lines(form, tmp_path):
    names = {"user": form.format("Env"), "assistant": form.format("Agent")}
    text = "".join(f"{names[m['role']]}{m['content']}\n" for m in chat())
    expect(text, tmp_path, name="log.txt")


def test_an_answer_goes_on_where_its_prompt_ends(tmp_path):
    said = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in chat()]
    prompt = f"{said[0]}<|im_start|>assistant\n"
    rest = f"{TURNS[0]}<|im_end|>\n" + "".join(said[2:])
    expect({"prompt": prompt, "completion": rest, "env_reward": 0.0}, tmp_path, score=0.0)


@pytest.mark.parametrize("wrap", [lambda logs: logs, lambda logs: {"succeeded": logs}])
def test_logs_under_names(wrap, tmp_path):
    for logs in ({"put_0": GAME, "put_1": GAME}, wrap({"put_0": [GAME], "put_1": [GAME]})):
        (tmp_path / "log.json").write_text(json.dumps(logs))
        told = read_trajectory_files(tmp_path / "log.json").trajectories
        assert [one.record["names"][0] for one in told] == ["put_0", "put_1"]
        assert all([step.action for step in one.steps] == ACTIONS for one in told)


@pytest.mark.parametrize("label", ["Think", "Thought", "Reasoning"])
def test_labels_of_thoughts(label, tmp_path):
    lines = [f"[Obs] {o}\n[{label}] {t}\n[Act] {a}\n" for o, t, a, _ in ROWS]
    expect("".join(lines), tmp_path, name="log.txt")
    lines = [f"Obs: {o}\n{label}: {t}\nAct: {a}\n" for o, t, a, _ in ROWS]
    expect("".join(lines), tmp_path, name="log.txt")


def test_labels_in_one_line(tmp_path):
    said = "Step {} | Thought: {} | Action: {} | Obs: {}\n"
    lines = [said.format(n, t, a, b) for n, (_, t, a, b) in enumerate(ROWS)]
    expect(f"{OPENING}\n\n" + "".join(lines), tmp_path, name="log.txt")


def test_numbered_states(tmp_path):
    lines = [f"State {n}: {o}\nAction {n}: {a}\n" for n, (o, _, a, _) in enumerate(ROWS)]
    expect("".join(lines), tmp_path, name="log.txt", thoughts=False)


def test_headings_of_steps(tmp_path):
    said = "## Step {}\n**Thought:** {}\n**Action:** {}\n**Observation:** {}\n\n"
    steps = [said.format(n, t, a, b) for n, (_, t, a, b) in enumerate(ROWS)]
    expect(f"{OPENING}\n\n" + "".join(steps), tmp_path, name="log.txt")


def test_a_log_under_any_name_that_is_no_example(tmp_path):
    expect({"log_text": GAME, "success": False}, tmp_path, score=0.0)
    with pytest.raises(UserError, match="no conversations"):
        expect({"few_shot": GAME, "model": "m"}, tmp_path)
