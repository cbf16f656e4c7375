"""The start of an episode: after rules, a polite answer and examples, whatever a world says."""

import pytest

from tests.trajectory.reading.chats import DEN, ICL, REAL, RULES, TASK, actions, chat
from tratree.trajectory.reading.records import read_record


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (chat(("human", RULES), ("gpt", "OK"), *ICL, *REAL), ["look"]),
        (chat(("human", RULES), ("gpt", "OK"), *ICL[:3], *REAL[1:]), ["take pen 1", "look"]),
        (chat(("human", RULES), ("gpt", "OK. I'll follow your instructions."), *REAL), ["look"]),
        (
            chat(
                ("human", RULES),
                ("gpt", "Understood. Thought: so. Action: act."),
                ("human", "Hall."),
                REAL[1],
            ),
            ["look"],
        ),
        (chat(("human", RULES), ("gpt", "OK"), ("human", "Hall."), REAL[1]), ["look"]),
        (chat(("human", f"{RULES}\n{DEN}\nNow it's your turn.\n{TASK}"), REAL[1]), ["look"]),
        (chat(("system", RULES), *REAL), ["look"]),
        (chat(("gpt", "Hello, I am ready."), *REAL), ["look"]),
        (
            chat(*REAL, ("human", f"Task Description:\n{TASK}"), ("gpt", "Action: go")),
            ["look", "go"],
        ),
        (
            chat(
                ("human", f"{TASK} It's your turn."),
                REAL[1],
                ("human", f"{TASK} It's your turn."),
                REAL[1],
            ),
            ["look", "look"],
        ),
        (
            chat(
                ("human", "Hall."),
                ("gpt", "Okay, I look around. Action: look"),
                ("human", "A desk."),
                ("gpt", "Action: go"),
            ),
            ["look", "go"],
        ),
        (chat(("human", TASK), ("gpt", "OK, first I look.\nAction: look")), ["look"]),
        (
            chat(("human", TASK), ("gpt", "Okay. I go to it."), ("human", "Error"), REAL[1]),
            ["", "look"],
        ),
        (
            chat(("human", TASK), ("gpt", "Hm."), ("human", "Error"), ("gpt", "Action: look")),
            ["", "look"],
        ),
        (
            chat(
                ("human", "WebShop [SEP] Instruction: [SEP] find a pen [SEP] Search"),
                ("gpt", "Action: click[x]"),
                ("human", "WebShop [SEP] Instruction: [SEP] find a cup [SEP] Search"),
                ("gpt", "Action: search[cup]"),
                ("human", "Instruction: [SEP] find a cup [SEP] Page 1"),
                ("gpt", "Action: click[b0]"),
            ),
            ["search[cup]", "click[b0]"],
        ),
    ],
)
def test_where_an_episode_begins(record, expected):
    (told,) = read_record(record)
    assert actions(told) == expected


ROOM = "You are in the middle of a room. Looking quickly around you, you see a"


OPENINGS = {
    "alfworld": f"{ROOM} desk 1.\n\nYour task is to: put a mug in desk.",
    "scienceworld": "Task Description:\nYour task is to boil water. Any water will do.",
    "webshop": "WebShop [SEP] Instruction: [SEP] i need a red cup [SEP] Search",
    "own": TASK,
    "unlabelled": "You are in a yard. Boil the water.",
}


SECOND = {
    "alfworld": f"{ROOM} shelf 2.\n\nYour task is to: cool some bread.",
    "scienceworld": "Task Description:\nYour task is to find a(n) animal.",
    "webshop": "WebShop [SEP] Instruction: [SEP] find a blue shirt [SEP] Search",
    "own": DEN,
    "unlabelled": f"Now it's your turn. {DEN}",
}


IN_THE_WORLD = [
    "The task is: wash the dishes.",
    'The note says: "Your task is to: leave the room."',
    "You open the letter.\nYour task is to: feed the cat.",
    "Task: water the plants",
    "You see a sign. Here is your task: feed the cat.",
    "It's your turn",
    "Now your real task begins",
    "The robot says it is your turn. Your task is to: dance.",
    "Instruction: [SEP] i need a red cup [SEP] Description: Instruction: apply daily.",
    "You are in a hall. On the wall: Your task is to: leave.",
    f"{ROOM} note. The note says: Your task is to: run.",
    "Your task is done.",
    "Your goal: 10/10",
    "Your task is to keep quiet, says the librarian.",
    "In it, you see: the book (containing: Task Description: your task is to sing)",
]


@pytest.mark.parametrize("env", OPENINGS)
def test_only_an_opening_opens_an_episode(env):
    for front in ([], [("human", RULES), ("gpt", "OK")]):
        for note in IN_THE_WORLD:
            turns = [*front, ("human", OPENINGS[env]), REAL[1], ("human", note), ("gpt", "> go")]
            (told,) = read_record(chat(*turns))
            assert actions(told) == ["look", "go"], note
            assert told.steps[0].observation == note
        example = [*front, ("human", OPENINGS[env]), REAL[1], ("human", "A desk."), REAL[1]]
        (told,) = read_record(chat(*example, ("human", SECOND[env]), ("gpt", "> go")))
        assert actions(told) == ["go"]


def test_messages_in_a_row_are_joined_but_where_a_task_opens():
    later = [("human", "A desk."), ("human", "Think!"), REAL[1]]
    (told,) = read_record(chat(("human", RULES), *REAL, *later))
    assert told.first_observation == TASK
    assert told.steps[0].observation == "A desk.\nThink!"
    (told,) = read_record(chat(*ICL[:3], *REAL))
    assert told.first_observation == TASK
    reminded = chat(*REAL, ("human", "A desk."), ("human", TASK), REAL[1])
    (told,) = read_record(reminded)
    assert told.steps[0].observation == f"A desk.\n{TASK}"


def test_a_goal_said_again_in_fewer_words_opens_nothing():
    first = "WebShop [SEP] Instruction: [SEP] i need a red cup, and price lower than 9 dollars"
    page = "Instruction: [SEP] i need a red cup [SEP] Back to Search [SEP] Page 1"
    said = [
        ("human", first),
        ("gpt", "Act: search[cup]"),
        ("human", page),
        ("gpt", "Act: click[b]"),
    ]
    (told,) = read_record(chat(*said))
    assert (told.first_observation, actions(told)) == (first, ["search[cup]", "click[b]"])


def test_examples_of_the_same_message_do_not_open_it():
    example = f"Here is an example:\n{DEN}\n> take pen\nYou take it."
    for mark in ("Here is the task:", "Now here is the real task."):
        (told,) = read_record(chat(("human", f"{example}\n\n{mark}\n{TASK}"), ("gpt", "Act: sit")))
        assert told.first_observation == TASK


def test_a_goal_before_a_polite_answer_stays():
    (told,) = read_record(
        chat(("human", f"Rules. {TASK}"), ("gpt", "OK"), ("human", "A hall."), REAL[1])
    )
    assert "find a cup" in told.first_observation
    assert "A hall." in told.first_observation
    assert actions(told) == ["look"]


def test_flags_of_what_is_trained_on_are_kept():
    masked = {"from": "gpt", "value": "Action: sit", "loss": False}
    trained = {"from": "gpt", "value": "Action: look", "loss": True}
    (told,) = read_record(chat(("human", TASK), masked, ("human", "You sit."), trained))
    assert [(s.action, s.trained) for s in told.steps] == [("sit", False), ("look", True)]


SCENES = {
    "alfworld": (
        "You are in the middle of a room. You see a bed 1.\nYour task is to: put a pen on bed.",
        "You are in the middle of a room. You see a desk 1.\nYour task is to: heat an egg.",
    ),
    "scienceworld": (
        "Task Description:\nYour task is to boil water.",
        "Task Description:\nYour task is to melt lead.",
    ),
    "webshop": (
        "WebShop [SEP] Instruction: [SEP] Find me a red cup [SEP] Search",
        "WebShop [SEP] Instruction: [SEP] Find me blue shoes [SEP] Search",
    ),
}


@pytest.mark.parametrize("mark", ["Now the new task:", "### Task", "=== YOUR TURN ===", ""])
@pytest.mark.parametrize(("example", "real"), SCENES.values(), ids=SCENES)
def test_an_example_in_the_opening_message_is_left_out(mark, example, real):
    said = f"Here is an example:\n{example}\n> look\nNothing happens.\n\n{mark}\n{real}"
    (told,) = read_record(chat(("human", said), REAL[1]))
    assert told.first_observation == real


def test_rules_that_repeat_the_goal_are_no_example():
    real = SCENES["alfworld"][1]
    (told,) = read_record(chat(("human", f"Rules. Your task is to: heat an egg.\n{real}"), REAL[1]))
    assert told.first_observation.startswith("Rules.")


def test_a_repeated_goal_with_another_word_begins_no_episode():
    goal = (
        "Find me machine washable men's shirts with color: {}, and price lower than 40.00 dollars"
    )
    shown = "WebShop [SEP] Instruction: [SEP] " + goal + " [SEP] Search"
    turns = [("human", shown.format("blue")), REAL[1], ("human", shown.format("ghost")), REAL[1]]
    (told,) = read_record(chat(*turns))
    assert (told.first_observation, actions(told)) == (shown.format("blue"), ["look", "look"])
