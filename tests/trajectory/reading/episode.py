"""An episode of two steps, which files of any form tell."""

import json

from tratree.trajectory.reading.read import read_trajectory_files

OPENING = "You are in the middle of a room.\nYour task is to: put a pen in drawer."
THOUGHTS = ["It may be on the desk.", "There it is."]
ACTIONS = ["go to desk 1", "take pen 1 from desk 1"]
ANSWERS = ["On the desk 1, you see a pen 1.", "You pick up the pen 1 from the desk 1."]
ROWS = list(zip([OPENING, ANSWERS[0]], THOUGHTS, ACTIONS, ANSWERS, strict=True))
TURNS = [f"<think>{t}</think><action>{a}</action>" for _, t, a, _ in ROWS]


def chat():
    texts = [text for row, turn in zip(ROWS, TURNS, strict=True) for text in (row[0], turn)]
    sides = ["user", "assistant"] * 2
    return [{"role": s, "content": t} for s, t in zip(sides, texts, strict=True)]


def expect(record, folder, *, name="log.json", thoughts=True, score=None):
    """Check that a file, of one record or of several rows or a text, tells the episode."""
    rows = record if isinstance(record, list) else [record]
    text = record if isinstance(record, str) else "\n".join(map(json.dumps, rows))
    (folder / name).write_text(text)
    [told] = read_trajectory_files(folder / name, "alfworld").trajectories
    assert told.first_observation == OPENING
    assert [step.action for step in told.steps] == ACTIONS
    assert [step.thought for step in told.steps] == (THOUGHTS if thoughts else ["", ""])
    assert told.steps[0].observation == ANSWERS[0]
    assert told.steps[1].observation in ("", ANSWERS[1])
    assert (told.score if told.scored else None) == score
    return told
