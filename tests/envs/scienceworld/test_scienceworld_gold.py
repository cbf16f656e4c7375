"""Gold paths solve every task, are kept on disk, and become demonstrations with thoughts."""

import pytest

from tratree.envs.base import StepResult, play_expert
from tratree.envs.scienceworld.environment import ScienceWorldEnv
from tratree.envs.scienceworld.expert import GoldExpert
from tratree.envs.scienceworld.gold import GoldPaths
from tratree.envs.scienceworld.plain_path import plain_path
from tratree.envs.scienceworld.settings import ScienceWorldSettings
from tratree.envs.scienceworld.simulator import Simulator
from tratree.envs.scienceworld.tasks import TASK_NAMES
from tratree.errors import UserError
from tratree.trajectory.types import Task

PATH = ["open door to kitchen", "go to kitchen", "look around", "pick up jar", "look around"]
ASKED = "Ambiguous request: Please enter the number for the action you intended"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_expert_solves_all_thirty_tasks(simulator, gold):
    env = ScienceWorldEnv(
        [], simulator, gold, ScienceWorldSettings(name="scienceworld", max_steps=200)
    )
    played = [play_expert(env, Task(f"{name}/0", "train", name, "")) for name in TASK_NAMES]
    assert [t.task.task_type for t in played if not t.success] == []
    assert [t.score for t in played] == [1.0] * 30


def test_paths_are_kept_on_disk_and_damaged_ones_made_again(tmp_path):
    gold = GoldPaths("easy", tmp_path, "packaged")
    path = gold.path("find-plant", 0)
    assert path[0] == "open door to greenhouse"
    (kept,) = (file for file in tmp_path.rglob("*") if file.is_file())
    content = kept.read_bytes()
    for damaged in (content[:-9], b"", b"\xff", b"[1, 2]", b"{}"):
        kept.write_bytes(damaged)
        assert gold.path("find-plant", 0) == path
        assert kept.read_bytes() == content
    gold.close()
    unstarted = GoldPaths("easy", tmp_path, "no such java")
    assert unstarted.path("find-plant", 0) == path


@pytest.mark.slow
def test_paths_belong_to_a_simplification(tmp_path):
    for simplification in ("easy", ""):
        gold = GoldPaths(simplification, tmp_path, "packaged")
        gold.path("find-plant", 0)
        gold.close()
    assert len(list(tmp_path.rglob("find-plant-0.json"))) == 2


def test_a_plain_path_teleports_and_uses_shown_names():
    walk = ["open door to hallway", "go to hallway", "open door to greenhouse", "go to greenhouse"]
    path = [
        *walk,
        "look around",
        "focus on adult apple tree",
        "pick up flower pot 8",
        "open door to kitchen",
        "go to kitchen",
        "move flower pot 8 containing apple tree and soil in inventory to green box",
        "look around",
    ]
    assert plain_path(path) == [
        "teleport to greenhouse",
        "look around",
        "focus on apple tree",
        "pick up flower pot 8",
        "teleport to kitchen",
        "move flower pot 8 to green box",
        "look around",
    ]
    eggs = ["pick up egg dove", "move egg dove egg in inventory to green box"]
    assert plain_path(eggs) == ["pick up dove", "move dove to green box"]
    assert plain_path(["focus on baby baby mouse", "wait1"]) == ["focus on baby mouse", "wait1"]
    assert plain_path(["move counter to green box"]) == ["move counter to green box"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_plain_path_solves_its_task_or_is_not_taken(simulator, gold, tmp_path):
    plain = GoldPaths("easy", tmp_path, "packaged", plain=True)
    for name in ("find-plant", "find-animal", "find-non-living-thing", "find-living-thing"):
        path = plain.path(name, 1)
        assert len(path) < len(gold.path(name, 1))
        simulator.load(name, 1)
        assert max(simulator.step(action).points for action in path) == 100
    assert plain.path("lifespan-longest-lived", 1)[0] == "teleport to outside"
    plain.close()
    walking = GoldPaths("", tmp_path, "packaged", plain=True)  # no teleports without `easy`
    assert walking.path("find-plant", 1)[0].startswith("open door to")
    walking.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    gold = GoldPaths("easy", tmp_path / "file", "packaged")
    with pytest.raises(UserError, match=r"can't write gold paths to .*; choose another cache"):
        gold.path("find-plant", 0)
    gold.close()


def test_no_machine_is_started_for_a_task_that_does_not_exist(tmp_path):
    simulator = Simulator("easy")
    env = ScienceWorldEnv(
        [],
        simulator,
        GoldPaths("easy", tmp_path, "packaged"),
        ScienceWorldSettings(name="scienceworld", max_steps=9),
    )
    with pytest.raises(UserError):
        env.expert(Task("nonsense", "train", "nonsense", ""))
    assert simulator.process is None


def replay(path: list[str], *observations: str) -> list[tuple[str, str]]:
    expert = GoldExpert(path)
    return [expert(StepResult(observation)) for observation in observations]


def test_a_thought_on_the_way_names_the_room_that_the_way_leads_to():
    assert replay(PATH, *[""] * 6) == [
        ("go to kitchen", "open door to kitchen"),
        ("go to kitchen", "go to kitchen"),
        ("", "look around"),
        ("pick up jar", "pick up jar"),
        ("", "look around"),
        ("", "look around"),
    ]


def test_the_simulators_question_is_answered_in_the_same_thought():
    path = ["move seed to pot", "0", "wait1"]
    assert replay(path, "", ASKED, "") == [
        ("move seed to pot", "move seed to pot"),
        ("move seed to pot", "0"),
        ("wait1", "wait1"),
    ]


def test_an_answer_is_left_out_where_nobody_asks():
    assert replay(["move seed to pot", "0", "wait1"], "", "") == [
        ("move seed to pot", "move seed to pot"),
        ("wait1", "wait1"),
    ]
    assert replay(["wait1", "0"], "", "") == [("wait1", "wait1"), ("", "look around")]
