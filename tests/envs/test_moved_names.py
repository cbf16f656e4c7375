"""Old names said as here, and trajectories played again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tratree.composition import compose_config
from tratree.envs.base import play_expert
from tratree.envs.moved_names import renamed
from tratree.envs.registry import ENVIRONMENTS as PLUGINS
from tratree.envs.replay import replay
from tratree.stages.environment import opened
from tratree.trajectory.types import Step, Task, Trajectory

SHOP = ("env=webshop", "env.products=600", "env.pages=official")


def moved(name, *overrides):
    config = compose_config([f"env={name}", *overrides])
    return PLUGINS.find(name).moved_names(config.env, None)


def told(first, *steps):
    turns = tuple(Step(*step) for step in steps)
    return Trajectory(Task("t", "", "", ""), first, turns, 0.0, False, True, scored=False)


def test_scienceworld_rooms():
    old = told(
        "A door to the green-house.",
        ("To the green house.", "go to green house", "You move to the green house."),
    )
    new, said = renamed(old, moved("scienceworld"))
    assert new.first_observation == "A door to the greenhouse."
    assert new.steps[0] == Step(
        "To the greenhouse.", "go to greenhouse", "You move to the greenhouse."
    )
    assert said == {"scienceworld 1.1.0: `green house` is `greenhouse`": 4}
    assert renamed(new, moved("scienceworld")) == (new, {})
    sampled = Trajectory.from_json(
        told("", ("", "go to green house", "ok", (1, 2), True, (1,))).to_json()
    )
    (step,) = renamed(sampled, moved("scienceworld"))[0].steps
    assert (step.action, step.token_ids, step.inserted) == ("go to greenhouse", (), ())


@pytest.mark.parametrize(
    ("name", "theirs", "here"),
    [
        ("scienceworld", "a bath tub, and Sandwhich", "a bathtub, and Sandwich"),
        ("scienceworld", "mixed nuts of cachews in voilet", "mixed nuts of cashews in violet"),
        ("scienceworld", "gasseous tin", "gaseous tin"),
        ("scienceworld", "above 40 degrees, place it", "above 40 degrees celsius, place it"),
        ("alfworld", "put (object) in/on (place)", "move (object) to (place)"),
        ("alfworld", "put {obj} in/on {recep}", "move {obj} to {recep}"),
        ("alfworld", "You arrive at loc 3. The safe 1 is", "You arrive at safe 1. The safe 1 is"),
    ],
)
def test_what_older_versions_say_is_said_as_here(name, theirs, here):
    new, said = renamed(told(f"Rules: {theirs} 1.", ("", "look", theirs)), moved(name))
    assert new == told(f"Rules: {here} 1.", ("", "look", here))
    assert sum(said.values()) >= 2


@pytest.mark.parametrize(
    "bound",
    [
        ", with price lower than $9.50",
        " and a price less than 1,000 dollars",
        ", price below 30.00 dollars",
        " under $30",
        "",
    ],
)
def test_price_bounds_in_other_words(bound):
    task = Task("webshop_1", "train", "a", "Find me hats, and price lower than 20.00 dollars")
    rules = PLUGINS.find("webshop").moved_names(None, task)
    new, _ = renamed(told(f"Instruction: [SEP] find me hats{bound}. [SEP] Search"), rules)
    assert new.first_observation == f"Instruction: [SEP] {task.instruction}. [SEP] Search"
    another = told(f"Find me hats with color: red{bound}")
    assert renamed(another, rules) == (another, {})


def test_alfworld_placing_follows_the_wording():
    put = ("I put it in there.", "put mug 1 in/on desk 2", "You put the mug 1 in/on the desk 2.")
    move = ("I put it in there.", "move mug 1 to desk 2", "You move the mug 1 to the desk 2.")
    for wording, theirs, ours in (("move", put, move), ("put", move, put)):
        new, said = renamed(told("", theirs), moved("alfworld", f"env.wording={wording}"))
        assert new == told("", ours)
        assert sum(said.values()) == 2
        assert renamed(told("", ours), moved("alfworld", f"env.wording={wording}")) == (
            told("", ours),
            {},
        )
    for action in ("put down mug 1 on desk 2", "put mug on desk", "put mug 1 inside safe 1"):
        none = told("", ("", action, ""))
        assert renamed(none, moved("alfworld")) == (none, {})
    listed = told("Actions: look, put mug 1 in/on desk 2")
    new, _ = renamed(listed, moved("alfworld"))
    assert new.first_observation == "Actions: look, move mug 1 to desk 2"
    assert renamed(new, moved("alfworld", "env.wording=put"))[0] == listed
    assert (
        renamed(told("", ("", "put mug 1 on desk 2", "")), moved("alfworld"))[0].steps[0].action
        == "move mug 1 to desk 2"
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    config = compose_config([f"store={tmp_path_factory.mktemp('shop')}", *SHOP])
    with opened(config) as env:
        (task,) = env.tasks("train")[:1]
        yield config, env, task, play_expert(env, task)


def test_webshop_price_bounds_are_those_of_the_task(played):
    config, _, task, ours = played
    bound = task.instruction.rpartition("lower than ")[2]

    def other(text):
        return text.replace(bound, "1,234.50 dollars")

    steps = tuple(replace(s, observation=other(s.observation)) for s in ours.steps)
    theirs = replace(ours, first_observation=other(ours.first_observation), steps=steps)
    assert theirs != ours
    new, said = renamed(theirs, PLUGINS.find("webshop").moved_names(config.env, task))
    assert new == ours
    assert sum(said.values()) == str(theirs).count("1,234.50")
    assert renamed(theirs, PLUGINS.find("webshop").moved_names(config.env, None)) == (theirs, {})


def test_an_own_episode_replays_the_same(played):
    _, env, task, ours = played
    again = replay(env, task, ours)
    assert not again.differs
    assert (str(again), again.trajectory) == ("the same", ours)
    spaced = replace(ours, first_observation=f"Rules.\n{ours.first_observation}\n")
    assert not replay(env, task, spaced).differs
    unscored = replace(ours, score=0.0, success=False, scored=False)
    assert replay(env, task, unscored).trajectory == ours


def test_what_differs_is_said_and_fixed(played):
    _, env, task, ours = played
    wrong = replace(ours.steps[0], observation="A page that nobody saw.")
    silent = Step("I wait.", "", "Error.", valid=False, trained=False)
    theirs = replace(
        ours, steps=(wrong, silent, *ours.steps[1:], ours.steps[0]), score=0.5, success=False
    )
    again = replay(env, task, theirs)
    assert again.observations == (1,)
    assert again.outcome == "the score is 1 here, and 0.5 there"
    assert str(again) == (
        f"{again.outcome}; 1 observation not as recorded, the first after step 1; "
        "1 action after its end here"
    )
    assert again.trajectory == replace(ours, steps=(ours.steps[0], silent, *ours.steps[1:]))
    unseen = replace(ours, steps=(*ours.steps, Step("", "click[more]", "")), replayed=99)
    again = replay(env, task, unseen)
    assert (again.differs, str(again)) == (False, "1 action after its end here")
    assert again.trajectory == replace(ours, replayed=len(ours.steps))
    for score, differs in ((0.9966, False), (0.99, True)):
        assert replay(env, task, replace(ours, score=score)).differs == differs
    stuck = replay(env, task, replace(ours, steps=(Step("", "click[nothing]", ""),)))
    assert stuck.refused == (1,)
    assert stuck.outcome == "the score is 0 here, and 1 there"
