"""Rollouts in several processes: equal results, passed-on errors, no process left behind."""

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.policy.cloned_policy import LIMITS, load_policy, make_env, tasks_of
from tests.programs import end_program, left_behind, start_program
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.base import StepResult, TextEnv
from tratree.errors import UserError
from tratree.policy import worker_process
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.policy.rollout_settings import Episode, RolloutPlan, SamplingSettings
from tratree.policy.workers import roll_out
from tratree.trajectory.types import Task, Trajectory

pytestmark = pytest.mark.usefixtures("several_threads")

TWO = WorkerSettings(2)


def episodes_of(folder: Path) -> list[Episode]:
    settings = [SamplingSettings(0.0), SamplingSettings(1.0, top_p=0.9)]
    return [
        Episode(task, number, chosen)
        for task in tasks_of(folder)
        for number, chosen in enumerate(settings)
    ]


def play(
    folder: Path, settings: WorkerSettings, make_env_of=make_env, report=print
) -> dict[int, Trajectory]:
    return dict(
        roll_out(
            partial(load_policy, folder),
            partial(make_env_of, folder),
            episodes_of(folder),
            RolloutPlan(0, "test", "cloned", LIMITS, EngineSettings(4), settings),
            report=report,
        )
    )


def make_env_once_killed(folder: Path) -> TextEnv:
    """Kill the first process that asks for its second environment."""
    asked = folder / f"asked-{os.getpid()}"
    if asked.exists() and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    asked.touch()
    return make_env(folder)


def make_env_always_killed(folder: Path) -> TextEnv:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class HangsOnce(AlfworldEnv):
    """Waits forever at one step of one process."""

    mark: Path

    def step(self, action: str) -> StepResult:
        with suppress(FileExistsError):
            self.mark.touch(exist_ok=False)
            time.sleep(1000)
        return super().step(action)


class AlwaysHangs(AlfworldEnv):
    """Waits forever at every reset."""

    def reset(self, task: Task) -> StepResult:
        time.sleep(1000)
        raise AssertionError


def make_env_hangs_once(folder: Path) -> TextEnv:
    HangsOnce.mark = folder / "hung"
    return make_env(folder, HangsOnce)


def make_env_always_hangs(folder: Path) -> TextEnv:
    return make_env(folder, AlwaysHangs)


def make_env_and_note(folder: Path, notes: Path) -> TextEnv:
    with notes.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return make_env(folder)


def make_env_user_error(folder: Path) -> TextEnv:
    raise UserError(f"no games in {folder}: generate some")


def make_env_program_error(folder: Path) -> TextEnv:
    raise ZeroDivisionError


@pytest.fixture(scope="module", autouse=True)
def engine_imported_once():
    """Let the workers' server import what takes long, instead of each of the many workers here."""
    with pytest.MonkeyPatch.context() as patch:
        modules = [*worker_process.PRELOADED, "tratree.envs.alfworld.engine"]
        patch.setattr(worker_process, "PRELOADED", modules)
        yield


@pytest.fixture(scope="module")
def in_process(policy_folder: Path) -> dict[int, Trajectory]:
    return play(policy_folder, WorkerSettings())


def test_two_workers_give_the_same_trajectories(policy_folder, in_process):
    assert play(policy_folder, TWO) == in_process
    assert not multiprocessing.active_children()


def test_episodes_of_a_killed_worker_are_played_again(policy_folder, in_process):
    assert play(policy_folder, TWO, make_env_once_killed) == in_process
    assert (policy_folder / "killed").exists()
    assert not multiprocessing.active_children()


def test_a_hung_environment_is_replaced_and_its_episodes_played_again(policy_folder, in_process):
    said: list[str] = []
    limited = WorkerSettings(2, step_seconds=8.0)
    assert play(policy_folder, limited, make_env_hangs_once, said.append) == in_process
    assert (policy_folder / "hung").exists()
    assert said[0].startswith("a rollout worker died because its environment did not answer")
    assert not multiprocessing.active_children()


def test_an_environment_that_always_hangs_is_a_user_error(policy_folder):
    limited = WorkerSettings(2, step_seconds=0.2)
    with pytest.raises(UserError, match=r"the last because its environment did not answer"):
        play(policy_folder, limited, make_env_always_hangs)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("limit", [{"recycle_episodes": 2}, {"recycle_gib": 1e-3}])
def test_workers_are_recycled_before_they_leak(policy_folder, in_process, limit):
    def report(line: str) -> None:
        raise AssertionError(line)

    make_and_note = partial(make_env_and_note, notes=policy_folder / f"processes-{limit}")
    assert play(policy_folder, WorkerSettings(2, **limit), make_and_note, report) == in_process
    processes = set((policy_folder / f"processes-{limit}").read_text().split())
    assert len(processes) > 2
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("make_env_of", "error", "message"),
    [
        (make_env_user_error, UserError, "^no games in .*: generate some$"),
        (make_env_program_error, RuntimeError, "make_env_program_error"),
        (
            make_env_always_killed,
            UserError,
            "died without finishing an episode, the last with exit code -9",
        ),
    ],
)
def test_errors_are_passed_on(policy_folder, make_env_of, error, message):
    with pytest.raises(error, match=message):
        play(policy_folder, TWO, make_env_of)
    assert not multiprocessing.active_children()


PROGRAM = """
from pathlib import Path
from tests.policy.cloned_policy import LIMITS
from tests.policy.test_workers import *
if __name__ == "__main__":
    folder = Path({folder!r})
    running = roll_out(partial(load_policy, folder), partial(make_env, folder),
        episodes_of(folder) * 500, RolloutPlan(0, "test", "", LIMITS, EngineSettings(4), TWO))
    next(running)
    print(len(multiprocessing.active_children()), flush=True)
    for _ in running:
        pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_the_program(policy_folder, tmp_path, how):
    program = start_program(PROGRAM.format(folder=str(policy_folder)), tmp_path / "program.py")
    assert program.stdout.readline() == "2\n"
    end_program(program, how)
    assert left_behind(program) == []
    program.communicate()
