"""Promises of `TextEnv`, in every environment."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.envs.contract.rooms import Room, play
from tratree.envs.base import StepResult, TextEnv, state_key
from tratree.errors import UserError
from tratree.trajectory.types import Task, Trajectory

BAD_ACTIONS = {
    "empty": "",
    "blank": " \t\r\n",
    "10,000 letters": "x" * 10_000,
    "10,000 characters": "go to " * 1_667,
    "brackets": "[" * 10_000,
    "control characters": "take\x00mug\x07 1\x1b[2J\x7f",
    "emoji": "👟🛋️" * 50,
    "lone surrogate": "go to \ud800",
    "format": "%s {r.name} {0} #intro#",
    "pattern": "(go|look) .* [a-z]+ $1 \\1",
    "sentence": "I do not know what to do.",
}


def test_tasks_have_unique_names_and_say_what_to_do(room: Room, env: TextEnv) -> None:
    found = [task for split in room.settings["splits"].values() for task in env.tasks(split)]
    assert len({task.task_id for task in found}) == len(found)
    for task in found:
        assert task.split in room.settings["splits"].values()
        assert task.task_id.strip()
        assert task.task_type.strip()
        assert task.instruction.strip()
    assert env.tasks(room.split) == env.tasks(room.split)


def test_an_unknown_split_is_one_line(env: TextEnv) -> None:
    with pytest.raises(UserError, match=r"\A[^\n]*tset[^\n]*\Z"):
        env.tasks("tset")


def test_shapes_of_an_episode(env: TextEnv, solution: Trajectory, actions: list[str]) -> None:
    results = play(env, solution.task, actions)
    assert results[0] == StepResult(results[0].observation)
    assert solution.task.instruction in results[0].observation
    for result in results:
        assert isinstance(result.observation, str)
        assert result.observation.strip()
        assert 0 <= result.score <= 1
        assert result.valid
    assert [result.finished for result in results] == [False] * len(actions) + [True]
    assert [result.success for result in results] == [False] * len(actions) + [True]
    assert results[-1].score == 1
    assert len(actions) <= env.max_steps


def test_nothing_happens_after_the_end(env: TextEnv, solution: Trajectory, actions: list[str]):
    last = play(env, solution.task, actions)[-1]
    assert [env.step(action) for action in (actions[0], "", "look around")] == [last] * 3
    assert env.admissible() == []
    assert not env.reset(solution.task).finished


def test_admissible_actions_are_accepted(
    room: Room, env: TextEnv, solution: Trajectory, actions: list[str]
) -> None:
    answers = {}
    for length in range(len(actions)):
        play(env, solution.task, actions[:length])
        offered = env.admissible()
        assert offered
        assert offered == sorted(set(offered))
        for action in offered[:: max(1, len(offered) // 4)]:
            play(env, solution.task, actions[:length])
            answers[length, action] = env.step(action)
    refused = {action for (_, action), answer in answers.items() if not answer.valid}
    if room.name == "scienceworld":  # its simulator lists bees that its own parser does not know
        refused = {action for action in refused if "bee " not in action}
    assert not refused


def test_asking_has_no_effect(env: TextEnv, solution: Trajectory, actions: list[str]) -> None:
    results = [env.reset(solution.task)]
    for action in actions:
        assert env.admissible() == env.admissible()
        env.expert(solution.task)
        state_key(env)
        results.append(env.step(action))
    assert results == play(env, solution.task, actions)


@pytest.mark.parametrize("bad", BAD_ACTIONS)
def test_a_bad_action_is_answered_and_changes_nothing(
    env: TextEnv, solution: Trajectory, actions: list[str], bad: str
) -> None:
    half = len(actions) // 2
    disturbed = play(env, solution.task, [*actions[:half], BAD_ACTIONS[bad]])
    answer, offered = disturbed.pop(), env.admissible()
    disturbed += [env.step(action) for action in actions[half:]]
    assert disturbed == play(env, solution.task, actions)
    score = disturbed[half].score
    assert answer == StepResult(answer.observation, score, valid=False)
    assert answer.observation.strip()
    play(env, solution.task, actions[:half])
    assert offered == env.admissible()


def test_case_and_outer_spacing_do_not_matter(env: TextEnv, solution: Trajectory, actions):
    shouted = [f"  {action.upper()}\n" for action in actions]
    assert play(env, solution.task, shouted) == play(env, solution.task, actions)


def test_equal_actions_give_equal_episodes(
    env: TextEnv, tasks: list[Task], solution: Trajectory, actions: list[str]
) -> None:
    expected = play(env, solution.task, actions)
    play(env, tasks[-1], actions[:2])
    assert play(env, solution.task, actions) == expected


def test_another_environment_plays_the_same_from_reset_to_close(
    room: Room, env: TextEnv, tasks: list[Task], solution: Trajectory, actions: list[str]
) -> None:
    other = room.open()
    for early in (other.admissible, lambda: other.step("look around")):
        with pytest.raises(UserError, match=r"\A[^\n]*reset[^\n]*\Z"):
            early()
    play(other, tasks[-1], actions[:1])
    assert play(other, solution.task, actions) == play(env, solution.task, actions)
    other.close()
    other.close()
    with pytest.raises(UserError, match=r"\A[^\n]+\Z"):
        other.step("look around")


def test_a_prefix_is_a_snapshot(env: TextEnv, tasks: list[Task], solution: Trajectory, actions):
    expected = play(env, solution.task, actions)
    for length in range(len(actions)):
        play(env, tasks[-1], ["look around"])
        assert play(env, solution.task, actions[:length]) == expected[: length + 1]
        assert env.step(actions[length]) == expected[length + 1]


def test_equal_states_have_equal_keys(
    room: Room, env: TextEnv, tasks: list[Task], solution: Trajectory, actions: list[str]
) -> None:
    env.reset(solution.task)
    if state_key(env) is None:
        pytest.skip("the environment does not tell its state")

    def keys(env: TextEnv) -> list[str | None]:
        found = []
        for length in range(len(actions) + 1):
            play(env, solution.task, actions[:length])
            found.append(state_key(env))
        return found

    expected = keys(env)
    assert len(set(expected)) > 1
    play(env, solution.task, actions[:1])
    env.step(BAD_ACTIONS["sentence"])
    assert state_key(env) == expected[1]
    other = room.open()
    play(other, tasks[-1], actions[:1])
    assert keys(other) == expected
    other.close()


def test_unknown_task_is_one_line(env: TextEnv, solution: Trajectory) -> None:
    with pytest.raises(UserError, match=r"\A[^\n]+\Z"):
        env.reset(Task("no/such/task/7", solution.task.split, "", ""))
    assert not env.reset(solution.task).finished


def children() -> set[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for listed in lists for pid in listed.read_text().split()}


def test_processes_of_the_environment_may_be_killed(
    room: Room, solution: Trajectory, actions: list[str], env: TextEnv
) -> None:
    """ScienceWorld's virtual machine is one; the others play in this process."""
    expected = play(env, solution.task, actions)
    before = children()
    other = room.open()
    half = len(actions) // 2
    results = play(other, solution.task, actions[:half])
    own = children() - before
    assert bool(own) == (room.name == "scienceworld")
    for pid in own:
        os.kill(pid, signal.SIGKILL)
    results += [other.step(action) for action in actions[half:]]
    assert results == expected
    other.close()
    assert children() <= before
