"""The expert: how often it solves games, from what it acts, and how it words its thoughts."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.expert import SearchExpert
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import StepResult, play_expert
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.trajectory.types import Trajectory

THOUGHT = re.compile(
    r"(find|take|clean|heat|cool) (?P<thing>[a-z]+)"
    r"|put (?P<placed>[a-z]+) in (?P<destination>[a-z]+)"
    r"|turn on (?P<lamp>[a-z]+)"
)


def play(
    root: Path, count: int, difficulty: str, max_steps: int, **options: str
) -> list[Trajectory]:
    generate_games(root, "train", count, difficulty=difficulty, seed=1)
    env = AlfworldEnv(
        GameFolder(root),
        AlfworldSettings(name="alfworld", max_steps=max_steps, **options),
        root / "cache",
    )
    trajectories = [play_expert(env, task) for task in env.tasks("train")]
    env.close()
    return trajectories


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[Trajectory]:
    return play(tmp_path_factory.mktemp("small"), 120, "small", 30)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> list[Trajectory]:
    return play(tmp_path_factory.mktemp("full"), 18, "full", 50)


def success_by_type(trajectories: list[Trajectory]) -> dict[str, float]:
    outcomes = defaultdict(list)
    for trajectory in trajectories:
        outcomes[trajectory.task.task_type].append(trajectory.success)
    return {name: sum(values) / len(values) for name, values in outcomes.items()}


def mean_steps(trajectories: list[Trajectory]) -> float:
    return sum(len(trajectory.steps) for trajectory in trajectories) / len(trajectories)


def test_small_games_are_solved_quickly(small: list[Trajectory]) -> None:
    rates = success_by_type(small)
    assert len(rates) == 6
    assert min(rates.values()) >= 0.95
    assert mean_steps(small) < 10


def test_full_games_are_solved(full: list[Trajectory]) -> None:
    assert len(success_by_type(full)) == 6
    assert sum(trajectory.success for trajectory in full) >= 17
    assert mean_steps(full) < 15


@pytest.mark.slow
def test_official_games_are_solved(tmp_path: Path) -> None:
    folder = external_data("alfworld")
    if folder is None:
        pytest.skip("needs the official games; set TRATREE_DATA")
    env = AlfworldEnv(
        CompactGames(folder), AlfworldSettings(name="alfworld", max_steps=50), tmp_path
    )
    played = [play_expert(env, task) for task in env.tasks("valid_seen")[::9]]
    assert len(success_by_type(played)) == 6
    assert sum(trajectory.success for trajectory in played) >= 0.95 * len(played)
    assert mean_steps(played) < 12


def test_every_action_is_valid(small: list[Trajectory], full: list[Trajectory]) -> None:
    observations = [step.observation for t in small + full for step in t.steps]
    assert "Nothing happens." not in observations


def test_no_action_names_what_was_not_seen(small: list[Trajectory], full: list[Trajectory]) -> None:
    for trajectory in small + full:
        seen = set(re.findall(r"\w+ \d+", trajectory.first_observation))
        for step in trajectory.steps:
            named = re.findall(r"\w+ \d+", step.action)
            assert set(named) <= seen, step
            seen.update(re.findall(r"\w+ \d+", step.observation))


def test_thoughts_name_the_subgoal_by_types(small: list[Trajectory]) -> None:
    other_verbs = {"find": ("open", "examine"), "put": ("open", "move"), "turn": ("use",)}
    for trajectory in small:
        instruction = trajectory.task.instruction.split()
        for step in trajectory.steps:
            match = THOUGHT.fullmatch(step.thought)
            assert match is not None, step
            assert all(word in instruction for word in match.groupdict().values() if word)
            verb = step.thought.split()[0]
            assert step.action.split()[0] in ("go", *other_verbs.get(verb, (verb,))), step


def test_the_last_thought_finishes_the_task(small: list[Trajectory]) -> None:
    for trajectory in small:
        lamp = trajectory.task.task_type == "look_at_obj_in_light"
        assert trajectory.steps[-1].thought.startswith("turn on" if lamp else "put")


def test_two_objects_are_moved_once_each(small: list[Trajectory]) -> None:
    for trajectory in small:
        verbs = Counter(step.action.split()[0] for step in trajectory.steps)
        wanted = 2 if trajectory.task.task_type == "pick_two_obj_and_place" else 1
        assert verbs["take"] <= wanted
        visited = [s.action for s in trajectory.steps if s.thought.startswith("find")]
        assert len(visited) == len(set(visited)), "no place is searched twice"


def test_an_object_that_is_in_place_already_counts() -> None:
    """Of two shelves that were searched, the second holds one of the two objects wanted."""
    room = "You are in the middle of a room. Looking quickly around you, you see"
    walks = ["go to shelf 1", "go to shelf 2", "go to sofa 1"]
    take, put = "take book 1 from sofa 1", "move book 1 to shelf 1"
    turns = [
        (f"{room} a shelf 2, a shelf 1, and a sofa 1.", walks, "go to shelf 2"),
        ("You arrive at shelf 2. On the shelf 2, you see nothing.", walks, "go to shelf 1"),
        ("You arrive at shelf 1. On the shelf 1, you see a book 3.", walks, "go to sofa 1"),
        ("You arrive at sofa 1. On the sofa 1, you see a book 1.", [take, *walks], take),
        ("You pick up the book 1 from the sofa 1.", walks, "go to shelf 1"),
        ("You arrive at shelf 1. On the shelf 1, you see a book 3.", [put, *walks], put),
    ]
    admissible: list[str] = []
    expert = SearchExpert("put two book in shelf", lambda: admissible)
    for observation, actions, expected in turns:
        admissible[:] = actions
        assert expert(StepResult(observation))[1] == expected


def test_the_older_wording_is_understood(tmp_path: Path) -> None:
    for trajectory in play(tmp_path, 6, "small", 30, wording="put"):
        assert trajectory.success
        assert not any(step.action.startswith("move") for step in trajectory.steps)


def test_receptacles_that_share_a_place_are_searched(tmp_path: Path) -> None:
    """At one of them "go to" the other isn't possible; it can be opened and examined directly."""
    generate_games(tmp_path, "train", 12, difficulty="small", seed=1)
    for path in tmp_path.rglob("game.tw-pddl"):
        game = json.loads(path.read_text())
        places = re.findall(r"receptacleAtLocation \S+ (\S+)\)", game["pddl_problem"])
        game["pddl_problem"] = re.sub(
            r"\((receptacleAtLocation|objectAtLocation) (\S+) \S+\)",
            rf"(\1 \2 {places[0]})",
            game["pddl_problem"],
        )
        path.write_text(json.dumps(game))
    trajectories = play(tmp_path, 12, "small", 30)
    assert all(trajectory.success for trajectory in trajectories)
    actions = [step.action for trajectory in trajectories for step in trajectory.steps]
    assert any(action.startswith("examine") for action in actions)


def test_a_goal_in_other_words_is_a_user_error() -> None:
    with pytest.raises(UserError, match="goal sentences"):
        SearchExpert("tidy up the kitchen", list)
