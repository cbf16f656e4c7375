"""`ScienceWorldEnv`: what an agent reads and may type, and what its episodes are worth."""

import pytest

from tratree.envs.base import StepResult, play_expert
from tratree.envs.scienceworld.environment import ScienceWorldEnv
from tratree.envs.scienceworld.gold import GoldPaths
from tratree.envs.scienceworld.settings import ScienceWorldSettings
from tratree.envs.scienceworld.simulator import Simulator
from tratree.errors import UserError
from tratree.trajectory.types import Task

LONGEST_LIVED = Task("lifespan-longest-lived/0", "train", "lifespan-longest-lived", "")
PLANT = Task("grow-plant/0", "train", "grow-plant", "")
TO_THE_ANIMALS = ("go to greenhouse", "go to outside")
SOLUTION = (*TO_THE_ANIMALS, "focus on baby baby brown bear")
MISTAKE = (*TO_THE_ANIMALS, "focus on axe")
AMBIGUOUS_MOVE = (
    "go to kitchen",
    "pick up seed jar",
    "go to outside",
    "go to greenhouse",
    "move apple seed in seed jar to flower pot 3",
)
ODD_ACTIONS = {
    "protocol": "e\ny\nshutdown\n",
    "number": "0",
    "large number": "9" * 40,
    "half": "focus on",
}


@pytest.fixture
def env(simulator: Simulator, gold: GoldPaths) -> ScienceWorldEnv:
    return make_env(simulator, gold)


def make_env(simulator: Simulator, gold: GoldPaths, **settings) -> ScienceWorldEnv:
    limits = settings.pop("step_limits", None)
    chosen = ScienceWorldSettings(name="scienceworld", **{"max_steps": 9} | settings)
    return ScienceWorldEnv([LONGEST_LIVED, PLANT], simulator, gold, chosen, limits)


def play(env: ScienceWorldEnv, task: Task, actions: tuple[str, ...]) -> list[StepResult]:
    return [env.reset(task), *(env.step(action) for action in actions)]


def test_an_episode_begins_with_the_task_and_a_look_around(env):
    first = env.reset(LONGEST_LIVED)
    description, _, look = first.observation.partition("\n")
    assert description.startswith("Your task is to find the animal with the longest life span.")
    assert look.startswith("This room is called the hallway. In it, you see:")
    assert (first.score, first.success, first.finished, first.valid) == (0, False, False, True)


def test_points_are_the_score_and_all_of_them_success(env):
    results = play(env, LONGEST_LIVED, SOLUTION)
    assert [result.score for result in results] == [0, 0.25, 0.5, 1]
    assert [result.success for result in results] == [False, False, False, True]
    assert [result.finished for result in results] == [False, False, False, True]


@pytest.mark.parametrize(("keep_best", "score"), [(False, 0), (True, 0.5)])
def test_a_failure_is_finished_and_no_success(simulator, gold, keep_best, score):
    env = make_env(simulator, gold, protocol="eto" if keep_best else "official")
    *before, last = play(env, LONGEST_LIVED, MISTAKE)
    assert [result.score for result in before] == [0, 0.25, 0.5]
    assert not any(result.finished for result in before)
    assert (last.score, last.success, last.finished) == (score, False, True)


def test_the_best_score_is_that_of_the_episode(simulator, gold):
    env = make_env(simulator, gold, protocol="eto")
    play(env, LONGEST_LIVED, SOLUTION)
    assert [r.score for r in play(env, LONGEST_LIVED, ("wait1",))] == [0, 0]


def test_nothing_happens_after_a_failure(env):
    last = play(env, LONGEST_LIVED, MISTAKE)[-1]
    assert last.finished
    assert env.step("go to kitchen") == last
    assert env.admissible() == []


@pytest.mark.parametrize("name", ODD_ACTIONS)
def test_an_odd_action_is_answered_and_changes_nothing(env, name):
    before, after = ("go to kitchen", "pick up thermometer"), ("inventory", "look around")
    undisturbed = play(env, PLANT, (*before, *after))
    disturbed = play(env, PLANT, (*before, ODD_ACTIONS[name], *after))
    odd = disturbed.pop(1 + len(before))
    assert disturbed == undisturbed
    assert odd == StepResult(odd.observation, score=undisturbed[2].score, valid=False)


def test_the_agent_is_asked_what_it_means(env):
    *_, asked = play(env, PLANT, AMBIGUOUS_MOVE)
    assert asked.observation.startswith("Ambiguous request: Please enter the number")
    assert asked.valid
    numbers = env.admissible()
    assert numbers == [str(number) for number in range(len(numbers))]
    assert env.step("0").observation == "You move the apple seed to the flower pot 3."


def test_anything_but_a_number_cancels(env):
    play(env, PLANT, AMBIGUOUS_MOVE)
    assert not env.step("look around").valid
    assert env.step("look around").observation.startswith("This room is called the greenhouse.")


def test_the_environment_can_take_the_first_meaning(simulator, gold):
    env = make_env(simulator, gold, ambiguity="first")
    *_, moved = play(env, PLANT, AMBIGUOUS_MOVE)
    assert moved.observation == "You move the apple seed to the flower pot 3."


def test_the_expert_solves_the_task_within_its_step_limit(env):
    solved = play_expert(env, LONGEST_LIVED)
    assert (solved.success, solved.finished, len(solved.steps)) == (True, True, 5)
    cut = play_expert(env, PLANT)
    assert (cut.success, cut.finished, len(cut.steps)) == (False, False, 9)
    assert 0 < cut.score < 1


def test_a_step_limit_may_belong_to_a_task(simulator, gold):
    env = make_env(simulator, gold, step_limits={"grow-plant": 30})
    env.reset(PLANT)
    assert env.max_steps == 30
    env.reset(LONGEST_LIVED)
    assert env.max_steps == 9


def test_names_that_are_not_of_tasks_are_told_the_form(env):
    for task_id in ("", "boil", "boil/x", "/3", "boil/-1"):
        with pytest.raises(UserError, match="write it as name/variation"):
            env.reset(Task(task_id, "train", "boil", ""))


def test_it_can_be_opened_again_after_it_was_closed(tmp_path):
    env = make_env(Simulator("easy"), GoldPaths("easy", tmp_path, "packaged"))
    first = env.reset(LONGEST_LIVED)
    env.close()
    assert env.reset(LONGEST_LIVED) == first
    env.close()
