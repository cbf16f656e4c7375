"""Published trajectories identified: no name or opening of a held-out task gets through."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

import pytest

from tratree.envs.identify import Identifier, opens_alike
from tratree.external_data import external_data
from tratree.trajectory.goal_words import goal_words
from tratree.trajectory.reading.records import read_record
from tratree.trajectory.types import Task

T, TRIAL = "pick_and_place_simple-Mug-None-Shelf-301", "trial_T20190907_174127_043461"
OTHER = "trial_T20190908_010101_000001"
ALFWORLD = [
    Task(f"valid_unseen/{T}/{TRIAL}", "valid_unseen", "pick", "put a mug in shelf"),
    Task(f"train/{T}/{OTHER}", "train", "pick", "put some pen on desk"),
]
WEBSHOP = [
    Task(
        "webshop_0",
        "test",
        "a",
        "Find me red cups with size: 9.5, and price lower than 40.00 dollars",
    ),
    Task("webshop_1500", "train", "a", "Find me blue hats, and price lower than 20.00 dollars"),
    Task(
        "webshop_1501",
        "train",
        "a",
        "Find me red cups with size: 9.5, and price lower than 30.00 dollars",
    ),
]
SCIENCEWORLD = [
    Task("boil/21", "test", "boil", "Your task is to boil water. For compounds, wait."),
    Task("boil/3", "train", "boil", "Your task is to boil lead. For compounds, wait."),
    Task("identify-life-stages-1/5", "test", "life", "Your task is to focus on the stages."),
    Task("measure-melting-point-known-substance/7", "test", "m", "Your task is to measure tin."),
]
EVERY = {"alfworld": ALFWORLD, "webshop": WEBSHOP, "scienceworld": SCIENCEWORLD}


def identify(environment, opening, **fields):
    record = {
        **fields,
        "messages": [
            {"role": "user", "content": opening},
            {"role": "assistant", "content": "Action: look"},
        ],
    }
    (trajectory,) = read_record(record)
    tasks = {task.task_id: task for task in EVERY[environment]}
    return Identifier(environment, tasks, "train").identify(trajectory)


def fields_of(key, name):
    """Return a record's fields with a name at a key, a dotted one both flat and nested."""
    head, _, rest = key.partition(".")
    yield {key: name}
    yield {key: [name]}
    if rest:
        yield {head: {rest: name}}


def cases(environment):
    path = external_data("cases/held_out_ids.json")
    known = json.loads(path.read_text()) if path else {}
    if environment == "alfworld":
        forms = known.get("alfworld_id_forms", [])
        return [
            form.replace("TRIAL", TRIAL)
            .replace("/T/", f"/{T}/")
            .replace("\\T\\", f"\\{T}\\")
            .replace("T/t", f"{T}/t")
            for form in forms
        ]
    return known.get(environment, [])


FORMS = {
    "alfworld": [
        f"valid_unseen/{T}/{TRIAL}",
        f"/data/json_2.1.1/valid_unseen/{T}/{TRIAL}/traj_data.json",
        f"json_2.1.1\\valid_unseen\\{T}\\{TRIAL}\\game.tw-pddl",
        f"{T}/{TRIAL}",
        f"{T}_{TRIAL}",
        TRIAL,
        f"{TRIAL}.json",
        TRIAL.lower(),
        f"json_2.1.1/valid_seen/{T}/trial_of_a_game_that_is_not_here",
        f"{T}_{TRIAL}_run3",
        TRIAL.removeprefix("trial_"),
        TRIAL.upper(),
        TRIAL.replace("_", "-"),
        TRIAL.replace("_", " "),
        TRIAL.removeprefix("trial_").replace("_", ""),
        "eval_out_of_distribution_3",
        "alfworld-valid-unseen_12",
    ],
    "webshop": [
        *("webshop_0", "fixed_0", "0", "goal_0", "WebShop-0", "webshop_fixed_0", "000"),
        *("webshop_test_0", "test_0", "0.json", "WebShop_0_1", "#0"),
        *("instruction_0", "sess-0", "0_0"),
        *(
            "user_session_logs/fixed_0.jsonl",
            "webshop_idx_0_traj_3",
            "goals/goal_0.json",
            "session_0_run_2",
            "0.0",
            "webshop.0",
        ),
        "http://localhost:3000/item_page/fixed_0/B07/['red']/1/{}",
    ],
    "scienceworld": [
        "boil/21",
        "boil_21",
        "1-1_21",
        "sciworld_1-1_21",
        "scienceworld_boil_21",
        "0_21",
        "sciworld_21",
        "task-1-boil_21",
        "boil (variation 21)",
        "Boil var 21",
        "boil-21",
        "identify-life-stages-1_5",
        "8-1_5",
        "task-10-measure-melting-point-(known-substance)_7",
        "measure melting point known substance 7",
        "boil_21.json",
        "var21_boil",
        "1-1 (boil)_21",
        "idx=21;task=boil",
        "test/21/boil",
        "test-boil-21",
        "boil_21_test",
        "sciworld_boil_21_0",
        "0-21",
        *("boil/21/0", "boil|21", "task=boil,var=21", "boil_v21", "boil.21", "boil_easy_21"),
        "task1_boil_var21",
        *(
            "scienceworld_0_21",
            "boil[21]",
            "boil@21",
            "boil_21_gold",
            "boil_21_run_1",
            "task_name=boil;variation=21",
            "task_1_1_var_21",
            "1.1_21",
            "boil-v21-s3",
            "var7 of task-10-measure-melting-point-(known-substance)",
            "run7_boil_21",
        ),
    ],
}


@pytest.mark.parametrize("environment", EVERY)
def test_names_of_held_out_tasks_always_count(environment):
    for name in [*FORMS[environment], *cases(environment)]:
        for key in ("id", "game_file", "gamefile", "extra.gamefile", "meta.error", "item_id"):
            for fields in fields_of(key, name):
                if key in ("id", "item_id") and isinstance(fields[key], list):
                    continue  # refused before
                found = identify(environment, "Hall. Your task is to: do something else.", **fields)
                assert found.held_out, fields


def test_numbers_beside_a_name_count():
    assert identify("webshop", "Hall.", id=0).held_out
    for fields in (
        {"task_name": "boil", "variation_idx": 21},
        {"extra_info": {"taskName": "task-1-boil", "variationIdx": 21}},
        {"task": "1-1", "variation": "21"},
        {"task_idx": 0, "variation": 21},
        {"sub_task_name": "boil", "var_num": 21},
        {"meta": {"task_name": "boil", "var_id": 21.0}},
        {"any_field": "boil_21"},
        {"env_name": "boil", "variation_idx": 21},
        {"any_field": '{"inner": ["boil_21"]}'},
        {"task": ["boil", 21]},
        {"task_num": "1-1", "variation_idx": 21},
        {"a": {"b": {"c": {"d": {"e": "boil_21"}}}}},
        {"any_field": ["a", "b", "c", "d", "boil_21"]},
    ):
        assert identify("scienceworld", "Hall.", **fields).held_out


STEP = {"observation": "Your task is to: put a vase in safe.", "action": "look"}


@pytest.mark.parametrize("count", [1, 2, 9])
@pytest.mark.parametrize(
    ("environment", "facts"),
    [
        ("alfworld", {"gamefile": f"valid_unseen/{T}/{TRIAL}/game.tw-pddl"}),
        ("alfworld", {TRIAL: 1}),
        ("scienceworld", {"taskName": "boil", "variationIdx": 21}),
        ("scienceworld", {"env": ["1-1", 21]}),
        ("scienceworld", {"mine": "1-1_21"}),
        ("webshop", {"task_id": "0"}),
        ("webshop", {"goal_idx": 0}),
        ("scienceworld", {"Task_ID": "0_21"}),
    ],
)
def test_facts_of_steps_name_their_task(environment, facts, count):
    held_out = {"steps": [{**STEP, "info": facts}] * count}
    other = {"steps": [{**STEP, "index": 0, "idx": 21, "id": "boil"}] * count}
    for record, expected in ((held_out, True), (other, False)):
        (trajectory,) = read_record(record)
        tasks = {task.task_id: task for task in EVERY[environment]}
        found = Identifier(environment, tasks, "train").identify(trajectory)
        assert found.held_out == expected
    assert read_record(other)[0].task.task_id == ""


PLACES = ("id", "item_id", "gamefile", "extra.gamefile", "task_id", "file", "mine.where", "step")
HERE = {
    "alfworld": (
        f"train/{T}/{OTHER}",
        f"valid_unseen/{T}/{TRIAL}",
        "trial_T20200101_010101_999999",
    ),
    "webshop": ("webshop_1500", "webshop_0", "webshop_1501"),
    "scienceworld": ("boil/3", "boil/21", "boil_22"),
}


@pytest.mark.parametrize("environment", EVERY)
def test_names_that_contradict_each_other(environment):
    train, held_out, another = HERE[environment]
    goal = next(t.instruction for t in EVERY[environment] if t.task_id == train)
    opening = f"Hall. Your task is to: {goal}"
    for place, other in permutations(PLACES, 2):

        def named(one, two, places=(place, other)):
            fields = {}
            for where, name in zip(places, (one, two), strict=True):
                head, _, rest = where.partition(".")
                fields[head] = {rest: name} if rest else name
            step = {"steps": [{**STEP, "info": fields.pop("step")}]} if "step" in fields else {}
            return identify(environment, opening, **fields, **step)

        for names in ((train, held_out), (held_out, train), (another, held_out)):
            found = named(*names)
            assert (found.held_out, set(found.contradicting)) == (True, set(names)), (place, other)
        found = named(train, another)
        assert (found.held_out, set(found.contradicting)) == (False, {train, another}), (
            place,
            other,
        )
        for name in (train, held_out):
            found = named(name, name)
            assert (found.held_out, found.contradicting) == (name == held_out, ())


def test_a_split_may_contradict_a_name():
    found = identify("webshop", "Hall.", id="webshop_1500", split="test")
    assert (found.held_out, found.contradicting) == (True, ("webshop_1500", "test"))
    gone = "valid_seen/T/trial_T20200101_010101_999999"
    found = identify("alfworld", "Hall.", id=f"train/{T}/{OTHER}", gamefile=gone)
    assert (found.held_out, found.contradicting) == (True, (f"train/{T}/{OTHER}", gone))


def test_other_words_for_a_task_do_not_contradict_each_other():
    path = f"/data/json_2.1.1/valid_unseen/{T}/{TRIAL}/game.tw-pddl"
    facts = {"gamefile": path, "id": TRIAL, "goal": "put a mug in shelf", "split": "valid_unseen"}
    assert identify("alfworld", "Hall.", **facts).contradicting == ()
    facts = {"id": "boil_21_run3", "task": "boil", "var": 21, "item_id": "sciworld_21"}
    assert identify("scienceworld", "Hall.", **facts).contradicting == ()


def test_numbers_of_attempts_are_no_variations():
    for name in ("boil_v3_run21", "boil_3_seed_21", "run21_boil_var3", "boil_var3_sample21"):
        assert not identify("scienceworld", "Your task is to boil lead.", id=name).held_out, name


def test_a_held_out_split_counts():
    for fields in (
        {"extra_info": {"split": "Test"}},
        {"fold": "valid_unseen"},
        {"split": "val-unseen"},
        {"phase": "online_eval"},
    ):
        assert identify("alfworld", "Hall. Your task is to: do it.", id="x1y", **fields).held_out
    assert identify("webshop", "Hall. Your task is to: do it.", id="x1y", split="test").held_out
    for fields in ({"split": "train"}, {"split": "train-eval"}, {"dataset": "dev-bench"}):
        assert not identify("webshop", "Hall. Your task is to: do it.", **fields).held_out


@pytest.mark.parametrize(
    ("environment", "name", "opening", "task_id"),
    [
        (
            "alfworld",
            f"{T}/{OTHER}",
            "Room. Your task is to: Put some pens on the desk.",
            f"train/{T}/{OTHER}",
        ),
        (
            "webshop",
            "1500",
            "WebShop [SEP] Instruction: [SEP] find  Blue hats, and price lower than 60.00 dollars",
            "webshop_1500",
        ),
        (
            "webshop",
            "webshop_1501",
            "Instruction: [SEP] Find red cups, size: 9.5, and price lower than 30.00 dollars",
            "webshop_1501",
        ),
        (
            "scienceworld",
            "sciworld_3",
            "Your task is to boil lead. For compounds, wait.\nThis room is called the hall.",
            "boil/3",
        ),
    ],
)
def test_training_tasks_are_told_by_name_and_goal(environment, name, opening, task_id):
    found = identify(environment, opening, id=name)
    assert found.task is not None
    assert (found.task.task_id, found.held_out, found.could_be_held_out) == (task_id, False, False)
    other = identify(environment, "Hall. Your task is to: put a vase in safe.", id=name)
    assert (other.task, other.held_out) == (None, False)


def test_a_training_name_with_the_opening_of_a_held_out_task_is_held_out():
    opening = "Instruction: [SEP] Find red cups, size: 9.5, and price lower than 40.00 dollars"
    found = identify("webshop", opening, id="webshop_1501")
    assert found.held_out
    assert found.task == WEBSHOP[0]


@pytest.mark.parametrize(
    ("environment", "opening"),
    [
        ("alfworld", "You are in a room. Your task is to: put a mug in shelf."),
        ("alfworld", "ROOM.\n\nYOUR TASK IS TO:  PUT THE MUG  ON SHELF."),
        ("alfworld", "Room. Your task is to: find some mug and put it in shelf."),
        ("alfworld", "Put a mug in the shelf. You are in a room."),
        ("webshop", "i need Red cups with size: 9.5, and price lower than 90.00 dollars"),
        ("scienceworld", "Task Description:\nYour task is to boil the water.\nThis room"),
        ("webshop", "Hall."),
        ("alfworld", "Room. Your task is to: grab one mug and carry it over to the shelf."),
        ("alfworld", "Room. Your task is to: put a mu g in the shelf."),
        ("scienceworld", "Your ScienceWorld task is: boil water\nYour current observation is: x"),
    ],
)
def test_what_opens_like_a_held_out_task_could_be_one(environment, opening):
    found = identify(environment, opening, id="mine-7x")
    assert found.task is None
    assert found.could_be_held_out


def test_what_has_another_goal_than_all_held_out_tasks_is_safe():
    for goal in ("put a hot egg in fridge", "put a hot mug in shelf", "put two mugs in shelf"):
        found = identify("alfworld", f"Room. Your task is to: {goal}.", id="mine-7x")
        assert (found.held_out, found.could_be_held_out) == (False, False)


def test_a_goal_in_a_persons_words_could_be_any():
    said = "Room. Your task is to: Carry an alarm clock while turning on a lamp"
    assert identify("alfworld", said, id="mine-7x").candidates is None
    assert (
        identify("alfworld", said, gamefile=f"train/{T}/{OTHER}/game.tw-pddl").task == ALFWORLD[1]
    )
    elsewhere = identify("alfworld", said, id="trial_T20190101_101010_123456")
    assert (elsewhere.task, elsewhere.could_be_held_out) == (None, False)


@pytest.mark.parametrize(
    ("environment", "opening", "name", "could"),
    [
        ("alfworld", "Room. Your task is to: put a mug in shelf.", "T/trial_T2019", True),
        ("alfworld", "Room. Your task is to: put a mug in shelf.", f"{TRIAL[:-1]}9", False),
        ("scienceworld", "Your task is to boil water. Wait.", "boil_22", False),
        ("scienceworld", "Your task is to boil water. Wait.", "sciworld_22", False),
        ("scienceworld", "Your task is to boil water. Wait.", "0_22", False),
        ("scienceworld", "Your task is to boil water. Wait.", "3_2", True),
        ("webshop", "Instruction: [SEP] find red cups with size: 9.5", "webshop_9000", True),
    ],
)
def test_a_name_of_a_task_that_is_not_here_tells_it_from_held_out_ones(
    environment, opening, name, could
):
    found = identify(environment, opening, id=name)
    assert (found.held_out, found.could_be_held_out) == (False, could)


def test_goals_in_the_words_of_older_versions_are_told():
    instruction = "Your task is to make a banana sandwich. Wait."
    task = Task("chemistry-mix/3", "test", "chemistry-mix", instruction)
    identifier = Identifier("scienceworld", {task.task_id: task}, "train")
    told = read_record(
        {
            "messages": [
                {"role": "user", "content": instruction.replace("sandwich", "sandwhich")},
                {"role": "assistant", "content": "Action: go to green house"},
            ]
        }
    )
    found, moved, changes = identifier.read(told[0], None)
    assert found.candidates == (task,)
    assert moved.first_observation == instruction
    assert sum(changes.values()) == 2


def test_openings_are_compared_folded():
    room = "You are in a room. You see a desk 1, a shelf 1.\n\nYour task is to: put a mug in shelf."
    held_out = ALFWORLD[0]
    found = identify("alfworld", room, id="mine-7x")
    assert found.candidates == (held_out,)
    (told,) = read_record(
        {
            "messages": [
                {"role": "user", "content": f"Here is your task. {room.upper()}"},
                {"role": "assistant", "content": "Action: look"},
            ]
        }
    )
    assert opens_alike(told, lambda task: room, [held_out])
    assert not opens_alike(told, lambda task: room.replace("desk 1", "bed 1"), [held_out])
    assert not opens_alike(replace(told, first_observation="x"), lambda task: room, [held_out])


def test_goals_are_folded():
    same = [
        "put a clean mug in cabinet",
        "Clean some mug and put it in cabinet.",
        "put the CLEANED mugs on the cabinets",
    ]
    assert len({tuple(sorted(goal_words(goal))) for goal in same}) == 1
    assert goal_words("look at bowl under the desklamp") == goal_words(
        "examine the bowl with the desklamp"
    )
    assert goal_words("put a hot mug in sink") != goal_words("put a cool mug in sink")
