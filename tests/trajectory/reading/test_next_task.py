"""The last of two tasks opens the episode: the first one is an example, or rules."""

import pytest

from tests.trajectory.reading.chats import actions, chat
from tratree.trajectory.reading.records import read_record


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (
            [
                "Goal: a cup",
                "Action: take cup",
                "Taken.",
                "Action: stop",
                "New task. Goal: a pen",
                "Action: take pen",
            ],
            ["take pen"],
        ),
        (["Goal: a cup", "Action: take cup", "Goal: a pen", "Action: take pen"], ["take pen"]),
        (
            [
                "Task: put a mug on the desk",
                "Action: a",
                "Done.\n\nTask: cool some bread",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "Example 1:\nGoal: a cup",
                "Action: a",
                "ok",
                "Action: b",
                "Example 2:\nGoal: a hat",
                "Action: c",
                "Now solve this.\nGoal: a pen",
                "Action: d",
            ],
            ["d"],
        ),
        (
            [
                "Here is an example.\nObjective: heat the soup",
                "Action: a",
                "The task is done.",
                "Action: b",
                "Objective: boil the water",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Question: find a red shirt\nInstruction: find a red shirt",
                "Action: a",
                "New question. Instruction: find a blue hat",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "[Example] Your mission is to feed the cat.",
                "Action: a",
                "[Task] Your mission is to feed the dog.",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "Sure! I will respond with Thought: and Action: lines.",
                "Your task is to: find a cup. You are in a hall.",
                "Action: look",
            ],
            ["look"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "OK, got it.\nThought: I need to wait for the task.\nAction: wait",
                "Your task is to: find a cup. You are in a hall.",
                "Action: look",
            ],
            ["look"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "Noted. Please give me the task.",
                "Your task is to: find a cup.",
                "Action: look",
            ],
            ["look"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "I have read the rules and will comply.",
                "Your task is to: find a cup.",
                "Action: look",
            ],
            ["look"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "Ok!",
                "WebShop [SEP] Instruction: [SEP] red cup [SEP] Search",
                "Action: search[red cup]",
            ],
            ["search[red cup]"],
        ),
        (
            [
                "You are an agent. Rules ...",
                "好的，我明白了。",
                "Your task is to: find a cup.",
                "Action: look",
            ],
            ["look"],
        ),
        (["Task 1: put a mug in desk", "Action: a", "Task 2: cool some bread", "Action: b"], ["b"]),
        (
            [
                "Your goal is to heat an egg.",
                "Action: a",
                "Well done! Next, your goal is to cool some bread.",
                "Action: b",
            ],
            ["b"],
        ),
        (["Goal: a cup", "Action: a", "--- END OF EXAMPLE ---\nGoal: a pen", "Action: b"], ["b"]),
        (
            [
                "### Task\nput a mug in desk\n### Observation\nA room.",
                "Action: a",
                "### Task\ncool some bread\n### Observation\nA den.",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "Mission: fetch the key",
                "> go east",
                "You go.",
                "> take key",
                "Mission: open the chest",
                "> open chest",
            ],
            ["open chest"],
        ),
        (
            [
                "Demonstration\nYou are in a room. Your task is to: put a pan in sink.",
                "Action: a",
                "ok",
                "Action: b",
                "Demonstration ends.\nYou are in a room. Your task is to: put a mug in desk.",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Episode 1. Your goal is: get the hat.",
                "Action: a",
                "Episode 2. Your goal is: get the scarf.",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "**Task:** find a cup",
                "Action: a",
                "OK.",
                "Action: b",
                "**Task:** find a pen",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Rules of the shop.",
                "Great, let us begin.",
                "Instruction: [SEP] a red hat, price lower than 20 dollars",
                "Action: search[red hat]",
            ],
            ["search[red hat]"],
        ),
        (
            [
                "Task: heat egg",
                "Action: a",
                "You heat it.",
                "Action: b",
                "Congratulations, task completed! Now a new task: cool bread",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Your task is to: heat egg.",
                "Action: a",
                "You heat it. Task completed.",
                "Action: stop",
                "Current task: cool bread. You are in a room.",
                "Action: c",
            ],
            ["c"],
        ),
        (
            [
                "Below is an example.\n---\nTask: heat egg",
                "Action: a",
                "---\nNow solve the following.\nTask: cool bread",
                "Action: b",
            ],
            ["b"],
        ),
        (
            [
                "Here are the rules. Example:\nTask: heat egg\nAction: x\n\nDo you understand?",
                "Yes.",
                "Task: cool bread",
                "Action: b",
            ],
            ["b"],
        ),
        (["Task 3/10: heat egg", "> a", "Task 4/10: cool egg", "> b"], ["b"]),
        (
            ["Your task is to: heat egg.", "> a", "You win!\nYour task is to: cool egg.", "> b"],
            ["b"],
        ),
        (["Task: cup", "> a", "Thanks! Next customer. Task: hat", "> b"], ["b"]),
    ],
)
def test_where_the_last_of_two_tasks_begins(texts, expected):
    (told,) = read_record(chat(*zip(["human", "gpt"] * len(texts), texts, strict=False)))
    assert actions(told) == expected
