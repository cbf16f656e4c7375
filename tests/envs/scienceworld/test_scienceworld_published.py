"""Published ScienceWorld trajectories: which task is meant, and what they are worth here."""

import json

import pytest

from tratree.envs.identify import Identifier
from tratree.envs.scienceworld.published import AGENTGYM, ETO, gist, own_task_id
from tratree.envs.scienceworld.tasks import TASK_NAMES
from tratree.external_data import external_data
from tratree.trajectory.reading.read import read_trajectory_files
from tratree.trajectory.types import Task


@pytest.fixture(scope="module")
def recorded():
    path = external_data("trajectories/sciworld_agentgym_10.json")
    if path is None:
        pytest.skip("the external data have no recorded episodes (TRATREE_DATA)")
    return read_trajectory_files(path).trajectories


def test_numbers_of_tasks(simulator):
    assert sorted(ETO) == sorted(TASK_NAMES)
    for name, variations in (AGENTGYM[0], AGENTGYM[5], AGENTGYM[-1]):
        assert sum(map(len, simulator.variations(name).values())) == variations


@pytest.mark.parametrize(
    ("published", "own"),
    [
        ("sciworld_0", "boil/0"),
        ("sciworld_30", "melt/0"),
        ("sciworld_4338", "identify-life-stages-2/9"),
        ("sciworld_4339", None),
        ("9_412", "test-conductivity/412"),
        ("30_0", None),
        ("boil/3", "boil/3"),
    ],
)
def test_names_of_tasks(published, own):
    assert own_task_id(published) == own


def test_eto_numbers_tasks_as_its_list_says():
    path = external_data("eto/sciworld/taskname2id.json")
    if path is None:
        pytest.skip("ETO's index lists are not there: set TRATREE_DATA")
    from scienceworld.utils import infer_task

    for name, number in json.loads(path.read_text()).items():
        assert ETO[number] == infer_task(name)


@pytest.mark.slow
def test_recorded_episodes_are_of_the_tasks_that_their_numbers_mean(recorded, simulator):
    """They solve them here, too; the greenhouse was spelled otherwise then."""
    points = {}
    for trajectory in recorded:
        task_id = own_task_id(trajectory.task.task_id)
        name, _, variation = task_id.partition("/")
        description = simulator.load(name, int(variation))
        assert gist(description) in trajectory.first_observation
        task = Task(task_id, "train", name, description)
        assert (
            Identifier("scienceworld", {task_id: task}, "train").identify(trajectory).task == task
        )
        actions = [step.action.replace("green house", "greenhouse") for step in trajectory.steps]
        points[task_id] = max(simulator.step(action).points for action in actions)
    assert points == dict.fromkeys(points, 100)
