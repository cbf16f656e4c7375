"""Trajectories on disk, and logs of killed processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.errors import UserError
from tratree.trajectory import read_any, write_conversations
from tratree.trajectory.jsonl import TrajectoryLog, read_trajectories, write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory

TEXTS = st.text(max_size=12)
TRAJECTORIES = st.lists(
    st.builds(
        Trajectory,
        task=st.builds(Task, TEXTS, TEXTS, TEXTS, TEXTS),
        first_observation=TEXTS,
        steps=st.lists(
            st.builds(
                Step,
                TEXTS,
                TEXTS,
                TEXTS,
                st.lists(st.integers(0, 9), min_size=2, max_size=3).map(tuple),
                st.booleans(),
                st.sampled_from([(), (0,), (0, 1)]),
            ),
            max_size=3,
        ).map(tuple),
        score=st.floats(0, 1),
        success=st.booleans(),
        finished=st.booleans(),
        sample=st.integers(0, 9),
        source=TEXTS,
    ),
    max_size=4,
)


def _trajectory(number: int) -> Trajectory:
    steps = (Step("Ein Gedanke…", "look", "line\nbreak \u2028 \x85", (1, 2, number)),)
    return Trajectory(Task("t", "train", "k", "do"), "start", steps, 0.5, False, True, number)


@given(TRAJECTORIES)
def test_round_trip(tmp_path_factory, trajectories):
    folder = tmp_path_factory.mktemp("jsonl")
    write_trajectories(folder / "a.jsonl", trajectories)
    assert read_trajectories(folder / "a.jsonl") == trajectories
    with closing(TrajectoryLog(folder / "log.jsonl")) as log:
        for trajectory in trajectories:
            log.append(trajectory)
        assert log.read() == trajectories
    if trajectories:
        assert (folder / "log.jsonl").read_bytes() == (folder / "a.jsonl").read_bytes()


def test_lines_are_canonical(tmp_path):
    write_trajectories(tmp_path / "a.jsonl", [_trajectory(0)])
    line = (tmp_path / "a.jsonl").read_text("utf-8")
    assert line.startswith(
        '{"finished":true,"first_observation":"start","sample":0,"score":0.5,"source":"",'
        '"steps":[{"action":"look","observation":"line\\nbreak \u2028 \x85","thought":"Ein'
    )


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.jsonl"
    write_trajectories(path, [_trajectory(0)])

    def breaks():
        yield _trajectory(1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_trajectories(path, breaks())
    assert read_trajectories(path) == [_trajectory(0)]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"score": float("nan")}, "score is not a number from 0 to 1 but nan"),
        ({"score": 2.0}, "score is not a number from 0 to 1 but 2.0"),
        ({"score": np.float32(1)}, "score is not a number from 0 to 1 but numpy.float32"),
        ({"success": np.bool_(True)}, "success is not true or false but numpy.bool_?"),
        ({"first_observation": None}, "first_observation is not text but None"),
        ({"steps": (Step("", "look", None),)}, r"steps\[0\].observation is not text but None"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(wrong, said, tmp_path):
    with pytest.raises(UserError, match=rf"\Asample 3 of task t cannot be stored \({said}\): "):
        write_trajectories(tmp_path / "a.jsonl", [replace(_trajectory(3), **wrong)])
    assert not list(tmp_path.iterdir())
    with closing(TrajectoryLog(tmp_path / "log")) as log, pytest.raises(UserError, match=said):
        log.append(replace(_trajectory(3), **wrong))


def test_a_path_may_be_a_text(tmp_path):
    path = str(tmp_path / "a.jsonl")
    write_trajectories(path, [_trajectory(0)])
    assert read_trajectories(path) == read_any(path) == [_trajectory(0)]
    write_conversations(path, [_trajectory(0)], "eto")
    assert len(read_any(path)) == 1


def test_a_log_loses_only_its_cut_line(tmp_path):
    write_trajectories(tmp_path / "whole.jsonl", [_trajectory(n) for n in range(3)])
    content = (tmp_path / "whole.jsonl").read_bytes()
    for length in [*range(0, len(content), 23), len(content)]:
        path = tmp_path / "log.jsonl"
        path.write_bytes(content[:length])
        finished = content[:length].count(b"\n")
        log = TrajectoryLog(path)
        if length % 2:
            assert log.read() == [_trajectory(n) for n in range(finished)]
        with closing(log):
            for number in range(finished, 3):
                log.append(_trajectory(number))
        assert path.read_bytes() == content


def test_a_missing_log_is_empty(tmp_path):
    assert TrajectoryLog(tmp_path / "log.jsonl").read() == []


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"[]", b"3", b"null", b"\xff", b"\0\0", b'{"task":{}}', b'{"task":3}']
)
def test_damage_elsewhere_is_an_error(tmp_path, damage):
    path = tmp_path / "log.jsonl"
    write_trajectories(path, [_trajectory(n) for n in range(3)])
    lines = path.read_bytes().split(b"\n")
    lines[1] = damage
    path.write_bytes(b"\n".join(lines))
    for read in (TrajectoryLog(path).read, lambda: read_trajectories(path)):
        with pytest.raises(UserError, match=r"line 2 of .*log\.jsonl") as raised:
            read()
        assert "\n" not in str(raised.value)


def test_a_whole_file_must_be_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    with pytest.raises(UserError, match="cannot read"):
        read_trajectories(path)
    write_trajectories(path, [_trajectory(0)])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="cut off"):
        read_trajectories(path)


def test_a_killed_process_keeps_its_finished_lines(tmp_path):
    path = tmp_path / "log.jsonl"
    program = """
        import sys
        from pathlib import Path
        from tratree.trajectory.jsonl import TrajectoryLog
        from tratree.trajectory.types import Step, Task, Trajectory

        log = TrajectoryLog(Path(sys.argv[1]))
        steps = (Step("", "look", "x" * 5000),) * 50
        for number in range(10**6):
            log.append(Trajectory(Task("t", "", "", ""), "", steps, 0.0, False, False, number))
            print(number, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], stdout=subprocess.PIPE
    )
    for _ in range(20):
        acknowledged = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    samples = [trajectory.sample for trajectory in TrajectoryLog(path).read()]
    assert samples == list(range(len(samples)))
    assert len(samples) > acknowledged


def test_steps_from_before_validity_was_recorded_are_valid(tmp_path):
    data = _trajectory(0).to_json()
    for step in data["steps"]:
        del step["valid"]
    (tmp_path / "old.jsonl").write_text(json.dumps(data) + "\n", encoding="utf-8")
    assert read_trajectories(tmp_path / "old.jsonl") == [_trajectory(0)]
