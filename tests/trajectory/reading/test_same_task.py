"""A task that is said again, or read in the world, opens no other episode."""

import pytest

from tests.trajectory.reading.chats import actions, chat
from tratree.trajectory.reading.records import read_record


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (
            ["Goal: a cup", "Action: a", "You see a sign that reads:\nGoal: a pen", "Action: b"],
            ["a", "b"],
        ),
        (
            ["Goal: a cup", "Action: a", 'The note says "New task. Goal: a pen"', "Action: b"],
            ["a", "b"],
        ),
        (["Goal: a cup", "Action: a", "Nothing happens.", "Action: b"], ["a", "b"]),
        (
            [
                "Goal: a cup",
                "Action: a",
                "Goal: a cup\nObservation: a desk.",
                "Action: b",
                "Goal: a cup\nObservation: a shelf.",
                "Action: c",
            ],
            ["a", "b", "c"],
        ),
        (
            [
                "You are in a room.\nYour task is to: put a mug in desk.",
                "I will walk to the desk first.",
                "Invalid format.",
                "Action: go to desk 1",
            ],
            ["", "go to desk 1"],
        ),
        (
            [
                "Task Description: Your task is to boil water.",
                "Action: look around",
                "This room is called the kitchen.",
                "Action: open sink",
                "Your current task is to boil water. This room is called the kitchen.",
                "Action: c",
            ],
            ["look around", "open sink", "c"],
        ),
        (
            [
                "## Goal\nfind a cup",
                "Action: a",
                "## Goal\nfind a cup\n## Observation\nA desk.",
                "Action: b",
            ],
            ["a", "b"],
        ),
        (["You read the diary: 'Goal: become rich'.", "Action: a", "ok", "Action: b"], ["a", "b"]),
        (
            [
                "Your task is to: find a cup.",
                "Action: read book",
                "The book's first page:\n\nYour task is to: bury the treasure.",
                "Action: b",
            ],
            ["read book", "b"],
        ),
        (["Goal: a cup", "Action: a", "Your score is now 5. Goal: a cup", "Action: b"], ["a", "b"]),
        (
            [
                "Rules of the shop.",
                "Action: search[red hat]",
                "Invalid action. Instruction: find a red hat",
                "Action: search[hat]",
            ],
            ["search[red hat]", "search[hat]"],
        ),
        (
            [
                "What should I do?\nYour task is to: find a cup.",
                "Let me think about this carefully.",
                "No action was found in your answer.",
                "Action: look",
            ],
            ["", "look"],
        ),
        (
            [
                "Instruction: find red hat",
                "Action: search[red hat]",
                "[Page 1] Instruction: find red hat [SEP] b0",
                "Action: click[b0]",
                "Page. Instruction: find red hat",
                "Action: click[buy now]",
            ],
            ["search[red hat]", "click[b0]", "click[buy now]"],
        ),
        (["任务：找到杯子", "Action: look", "你看到一张桌子", "Action: b"], ["look", "b"]),
        (
            ["Goal: a cup", "Action: a", "You find a card. It says: Goal: a pen", "Action: b"],
            ["a", "b"],
        ),
        (["Goal: heat egg", "> a", "Goal: completed", "> b"], ["a", "b"]),
        (["Task: heat egg", "> a", "Task: done. Score: 1", "> b"], ["a", "b"]),
        (["Task: heat egg", "> a", "Page 1:\n\nTask: cool egg", "> b"], ["a", "b"]),
    ],
)
def test_where_no_other_task_begins(texts, expected):
    (told,) = read_record(chat(*zip(["human", "gpt"] * len(texts), texts, strict=False)))
    assert actions(told) == expected
