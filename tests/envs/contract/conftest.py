"""Each environment once a session; a test that closes or kills opens one of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.envs.contract.rooms import SMALL, Room
from tratree.envs.base import TextEnv, play_expert
from tratree.trajectory.types import Task, Trajectory

ENVIRONMENT = "--environment"
"""Names a plug-in: ``pytest tests/envs/contract --environment guess_number``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(ENVIRONMENT, action="append", help="another one to test; may be repeated")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "room" in metafunc.fixturenames:
        names = metafunc.config.getoption(ENVIRONMENT, None) or list(SMALL)
        metafunc.parametrize("room", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def env(room: Room) -> Iterator[TextEnv]:
    env = room.open()
    yield env
    env.close()


@pytest.fixture(scope="session")
def tasks(room: Room, env: TextEnv) -> list[Task]:
    return env.tasks(room.split)


@pytest.fixture(scope="session")
def solution(env: TextEnv, tasks: list[Task]) -> Trajectory:
    """The expert's trajectory in the first task that it solves."""
    return next(t for t in (play_expert(env, task) for task in tasks) if t.success)


@pytest.fixture(scope="session")
def actions(solution: Trajectory) -> list[str]:
    return [step.action for step in solution.steps]
