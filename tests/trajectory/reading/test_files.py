"""Files and folders: every arrangement of JSON, packed and tabular ones, damaged ones."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import os
from pprint import pformat
from random import Random
from threading import Thread

import pytest

from tratree.errors import UserError
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.reading import files, tables
from tratree.trajectory.reading.read import read_trajectory_files
from tratree.trajectory.types import Step, Task, Trajectory


def record(name, reward=1):
    said = [{"from": "human", "value": "Hall."}, {"from": "gpt", "value": "Action: look"}]
    return {"id": name, "reward": reward, "conversations": said}


TWO = [record("a"), record("b")]
LINES = "\n".join(map(json.dumps, TWO))


def ids(path):
    return [t.task.task_id for t in read_trajectory_files(path).trajectories]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(TWO).encode(),
        json.dumps(TWO, indent=2).encode(),
        LINES.encode(),
        (LINES + "\n").replace("\n", "\r\n").encode(),
        b"\n\n" + LINES.encode(),
        b"\xef\xbb\xbf" + LINES.encode(),
        LINES.encode("utf-16"),
        LINES.encode("utf-16-le"),
        LINES.encode("utf-32"),
        LINES.replace("\n", ",\n \n").encode(),
        b"\n".join(b"\xef\xbb\xbf" + json.dumps(r).encode() for r in TWO),
        ("[" + json.dumps(TWO[0]) + ",\n]\n[" + json.dumps(TWO[1]) + "]").encode(),
        json.dumps({k: {n: r[k] for n, r in enumerate(TWO)} for k in TWO[0]}).encode(),
        json.dumps({"columns": list(TWO[0]), "data": [list(r.values()) for r in TWO]}).encode(),
        "\n".join(json.dumps(r, indent=2) for r in TWO).encode(),
        json.dumps({"data": TWO}).encode(),
        json.dumps({"rows": [{"row_idx": n, "row": r} for n, r in enumerate(TWO)]}).encode(),
        json.dumps({"0": TWO[0], "1": TWO[1]}).encode(),
        json.dumps({"model": "x", "results": TWO}).encode(),
        ("# made by x\n" + LINES).encode(),
        LINES.encode() + b"\n\0\0",
        json.dumps({"train": TWO[:1], "test": TWO[1:]}).encode(),
        json.dumps({key: [r[key] for r in TWO] for key in TWO[0]}).encode(),
        json.dumps({r["id"]: {**r, "id": r["id"]} for r in TWO}).encode(),
        json.dumps({r["id"]: r["conversations"] for r in TWO}).encode(),
        bz2.compress(LINES.encode()),
        lzma.compress(LINES.encode()),
        ("\x1e" + LINES.replace("\n", "\n\x1e")).encode(),
        "\n".join(json.dumps([r]) for r in TWO).encode(),
        json.dumps(list(map(json.dumps, TWO))).encode(),
        "\n".join(json.dumps(json.dumps(r)) for r in TWO).encode(),
        json.dumps({"train": {"data": TWO[:1]}, "test": {"data": TWO[1:]}}).encode(),
        gzip.compress(LINES.encode()),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a"])
def test_arrangements_of_json(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    assert ids(tmp_path / name) == ["a", "b"]


def test_the_environment_of_a_wrapper_is_that_of_its_records(tmp_path):
    wrapper = {"env": "sciworld", "mean_score": 1, "episodes": [record("a", 50), record("b", None)]}
    (tmp_path / "a.json").write_text(json.dumps(wrapper))
    told = read_trajectory_files(tmp_path / "a.json").trajectories
    assert [(t.score, t.scored) for t in told] == [(0.5, True), (0.0, False)]


@pytest.mark.parametrize("content", ["[{0}, {0}]", "{0}\n{0}\n"])
def test_conversations_without_records_are_read(tmp_path, content):
    said = json.dumps(record("")["conversations"])
    (tmp_path / "a.json").write_text(content.format(said))
    assert len(read_trajectory_files(tmp_path / "a.json").trajectories) == 2


def test_one_conversation_with_a_message_a_line(tmp_path):
    said = record("")["conversations"] * 2
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, said)))
    [told] = read_trajectory_files(tmp_path / "a.jsonl").trajectories
    assert [step.action for step in told.steps] == ["look", "look"]


@pytest.mark.parametrize("name", ["rollouts", "records", "attempts_of_this"])
def test_what_a_wrapper_says_is_kept(tmp_path, name):
    other = {"conversations": record("")["conversations"]}
    wrapper = {"gamefile": "valid_unseen/T/trial_1", "success": False, "status": "success"}
    for count in (1, 2):
        content = json.dumps({**wrapper, name: [other] * count})
        (tmp_path / "a.json").write_text(content)
        read = read_trajectory_files(tmp_path / "a.json").trajectories
        assert len(read) == count
        for one in read:
            assert one.task.task_id == "valid_unseen/T/trial_1"
            assert (one.scored, one.success) == (count == 1, False)


def test_the_name_of_a_list_of_records_is_kept(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"boil": [record("a"), record("b")]}))
    read = read_trajectory_files(tmp_path / "a.json").trajectories
    assert [t.record["record"]["split"] for t in read] == ["boil", "boil"]


def test_what_follows_a_list_is_read_or_said(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(TWO, indent=1) + " and more")
    reading = read_trajectory_files(tmp_path / "a.json")
    assert [t.task.task_id for t in reading.trajectories] == ["a", "b"]
    assert "damaged" in reading.skipped[0][1]


@pytest.mark.parametrize("indent", [None, 2])
def test_records_after_a_damaged_one_of_a_list_are_read(tmp_path, indent):
    content = json.dumps([record("a"), record("broken"), record("c")], indent=indent)
    (tmp_path / "a.json").write_text(content.replace('broken"', "broken"))
    reading = read_trajectory_files(tmp_path / "a.json")
    assert [t.task.task_id for t in reading.trajectories] == ["a", "c"]
    assert len(reading.skipped) == 1


def test_a_record_after_a_killed_writer_is_read(tmp_path):
    first, cut = json.dumps(TWO[0]), json.dumps(record("cut"))[:40]
    (tmp_path / "a.jsonl").write_text(f"{first}\n{cut}{json.dumps(TWO[1])}\n")
    assert ids(tmp_path / "a.jsonl") == ["a", "b"]


def test_line_breaks_in_strings_are_read(tmp_path):
    (tmp_path / "a.jsonl").write_text(LINES.replace("Action: look", "Thought: x\n\tAction: look"))
    assert ids(tmp_path / "a.jsonl") == ["a", "b"]


def test_steps_of_several_episodes_in_a_table(tmp_path):
    steps = [("1", "Hall.", "sit", 0), ("2", "Hall.", "go", "0"), ("1", "Sat.", "stand", "1")]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("episode", "observation", "action", "reward"), *steps])
    told = read_trajectory_files(tmp_path / "a.csv").trajectories
    assert [[s.action for s in t.steps] for t in told] == [["sit", "stand"], ["go"]]
    assert [t.score for t in told] == [1, 0]


@pytest.mark.parametrize(
    "facts",
    [
        [{"done": 0}, {"done": "True"}, {"done": False}],
        [{"step": 1}, {"step": 2}, {"step": 1}],
        [{"episode": 1}, {"episode": 1}, {"episode": 2}, {"episode": 2}],
    ],
)
def test_an_episode_begins_after_an_end_or_where_steps_are_counted_anew(tmp_path, facts):
    step = {"observation": "Hall.", "action": "sit"}
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({**step, **fact}) for fact in facts))
    told = read_trajectory_files(path).trajectories
    assert [len(t.steps) for t in told] == [2, len(facts) - 2]


def test_messages_of_several_conversations_a_line_each(tmp_path):
    rows = [
        {"conversation_id": n, "id": f"{n}{m}", **m}
        for n in (1, 2)
        for m in TWO[0]["conversations"]
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert len(read_trajectory_files(tmp_path / "a.jsonl").trajectories) == 2


def test_a_link_to_a_folder_is_said(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text(LINES)
    (tmp_path / "in" / "b").symlink_to(tmp_path)
    reading = read_trajectory_files(tmp_path / "in")
    assert len(reading.trajectories) == 2
    assert "Is a directory" in reading.skipped[0][1]


def test_the_beginning_of_a_cut_file_is_read(tmp_path):
    noise = "".join(map(str, Random(1).choices(range(10), k=100_000)))
    packed = gzip.compress("\n".join(map(json.dumps, [*TWO, {"noise": noise}])).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[:-1000])
    reading = read_trajectory_files(tmp_path / "a.jsonl.gz")
    assert len(reading.trajectories) == 2
    assert "only its beginning was read" in reading.skipped[-1][1]


def test_a_pipe_is_read_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    content = gzip.compress(LINES.encode())
    writer = Thread(target=(tmp_path / "pipe").write_bytes, args=[content])
    writer.start()
    assert ids(tmp_path / "pipe") == ["a", "b"]
    writer.join()


def test_a_damaged_file_of_a_folder_leaves_the_others(tmp_path):
    bad = {"1.json.gz": b"\x1f\x8b\x08\x00broken", "2.json": b"PK\x03\x04", "3.json": b""}
    bad |= {"4.json": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"}
    for name, content in {**bad, "5.jsonl": LINES.encode()}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "6.json").symlink_to("none")
    reading = read_trajectory_files(tmp_path)
    assert [t.task.task_id for t in reading.trajectories] == ["a", "b"]
    said = ["cannot read", "packed with zip", "has no records", "git lfs pull", "cannot read"]
    for (place, reason), words in zip(reading.skipped, said, strict=True):
        assert place.startswith(str(tmp_path))
        assert words in reason


def test_a_folder_of_files_without_an_ending_is_read(tmp_path):
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "part-00000").write_text(LINES)
    assert ids(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("printed", [json.dumps, str, lambda v: str(v).replace("}, {", "}\n {")])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_tables_of_text_are_read(tmp_path, printed, separator):
    with (tmp_path / "a.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, list(TWO[0]), delimiter=separator)
        rows.writeheader()
        rows.writerows({**r, "conversations": printed(r["conversations"])} for r in TWO)
    assert ids(tmp_path / "a.csv") == ["a", "b"]


def test_a_table_may_have_columns_that_are_no_json(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"when": pyarrow.array([0, 0], pyarrow.timestamp("s")), "bytes": [b"x", b"\xff"]}
    messages = [r["conversations"] for r in TWO]
    values = {"id": ["a", "b"], "conversations": messages, "f": [float("nan")] * 2, **columns}
    parquet.write_table(pyarrow.table(values), tmp_path / "a.parquet")
    assert ids(tmp_path / "a.parquet") == ["a", "b"]


def test_a_folder_of_single_objects_names_their_tasks(tmp_path):
    for name in ("webshop_3", "webshop_12"):
        one = {"meta": {"reward": 0.5}, "conversations": record("")["conversations"]}
        (tmp_path / f"{name}.json").write_text(json.dumps(one, indent=4))
    (tmp_path / "out.report.json").write_text("{}")
    (tmp_path / ".hidden.json").write_text("{}")
    reading = read_trajectory_files(tmp_path)
    assert [t.task.task_id for t in reading.trajectories] == ["webshop_12", "webshop_3"]
    assert {t.score for t in reading.trajectories} == {0.5}
    assert reading.skipped == []


def test_a_folders_files_are_of_the_splits_that_name_them(tmp_path):
    names = {
        "data/test-00000-of-00001.jsonl": "test",
        "train/0.json": "train",
        "valid-unseen/0.json": "valid_unseen",
        "tests.json": "",
        "my_test_run.json": "",
    }
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(record("a")))
    reading = read_trajectory_files(tmp_path)
    splits = zip(reading.places, reading.trajectories, strict=True)
    assert {place.partition(f"{tmp_path}/")[2]: told.task.split for place, told in splits} == names
    (alone,) = read_trajectory_files(tmp_path / "data/test-00000-of-00001.jsonl").trajectories
    assert alone.task.split == ""


def test_tables_are_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import ipc, parquet

    table = pyarrow.Table.from_pylist([{**r, "extra": {"note": "x"}} for r in TWO])
    parquet.write_table(table, tmp_path / "train-00000.parquet")
    assert ids(tmp_path / "train-00000.parquet") == ids(tmp_path) == ["a", "b"]
    saved = tmp_path / "saved" / "train"  # as `datasets` saves one
    saved.mkdir(parents=True)
    (saved / "dataset_info.json").write_text("{}")
    (saved / "state.json").write_text("{}")
    for new in (ipc.new_stream, ipc.new_file):
        with new(saved / "data-00000-of-00001.arrow", table.schema) as writer:
            writer.write_table(table)
        assert ids(tmp_path / "saved") == ["a", "b"]
    for name in ("bad.parquet", "bad.arrow"):
        (tmp_path / name).write_bytes(b"PAR1 not a table")
        with pytest.raises(UserError, match="is damaged"):
            read_trajectory_files(tmp_path / name)


def test_a_table_without_its_library_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(tables, "import_module", missing)
    with pytest.raises(UserError, match=r"needs pyarrow: pip install 'tratree\[parquet\]'"):
        read_trajectory_files(tmp_path / "a.parquet")


DEEP = '{"a":' * 100_000


@pytest.mark.parametrize(
    ("content", "taken", "said"),
    [
        (f"{json.dumps(TWO[0])}\n{{broken\n{json.dumps(TWO[1])}\n", 2, "line 2 is damaged"),
        (f"{json.dumps(TWO[0])}\n{DEEP}\n{json.dumps(TWO[1])}\n", 2, "line 2 is nested too deeply"),
        (json.dumps(TWO)[:-1], 2, "the JSON list is cut off"),
        (json.dumps(TWO)[:-20], 1, "is damaged"),
        (f"{json.dumps(TWO[0])}\n5\n[]\n", 1, "it is 5, not an object"),
        (f'{json.dumps(TWO[0])}\n{{"id": Infinity, "x": []}}\n', 1, "JSON cannot"),
    ],
)
def test_what_is_damaged_is_skipped_and_said(tmp_path, content, taken, said):
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    reading = read_trajectory_files(path)
    assert len(reading.trajectories) == taken
    place, reason = reading.skipped[0]
    assert said in reason
    assert place.startswith("record 2 of") or place.startswith("record 3 of")
    assert reading.to_json()["skipped"][0] == {"record": place, "reason": reason}
    json.dumps(reading.to_json(), allow_nan=False)


def test_bytes_that_are_no_text_spoil_their_record_only(tmp_path):
    lines = [json.dumps(r).encode() for r in TWO]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([lines[0], lines[1].replace(b"Hall", b"\xff")]))
    reading = read_trajectory_files(tmp_path / "a.jsonl")
    assert [t.task.task_id for t in reading.trajectories] == ["a"]
    assert "what JSON cannot" in reading.skipped[0][1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no records"),
        (b"[]", "has no records"),
        (b'[{"conversations"', "record 1 of .* is damaged"),
        (b"\x00\xff", "neither a JSON list nor one JSON record a line"),
        (b"hello", "neither a JSON list nor one JSON record a line"),
        (b"\x1f\x8b\x08\x00broken", r"cannot read .*a\.json"),
        (b"[1, 2]", r"record 1 of .* \(it is 1, not an object\), nor 1 other"),
        (DEEP.encode(), "nested too deeply"),
    ],
)
def test_what_holds_nothing_is_one_line(tmp_path, content, said):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        read_trajectory_files(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_too_large_missing_and_empty_places_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 100)
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"[" + b" " * 1000 + b"]"))
    with pytest.raises(UserError, match="divide it into files"):
        read_trajectory_files(tmp_path / "a.json.gz")
    with pytest.raises(UserError, match=r"cannot read .*none\.json"):
        read_trajectory_files(tmp_path / "none.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has no file that ends in"):
        read_trajectory_files(tmp_path / "empty")


def test_our_own_files_are_read_beside_others(tmp_path):
    own = Trajectory(
        Task("t", "train", "k", "do"),
        "Hall.",
        (Step("", "look", "x", (1, 2)),),
        0.5,
        False,
        True,
        3,
    )
    write_trajectories(tmp_path / "a.jsonl", [own])
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write(json.dumps(record("b")) + "\n")
    told = read_trajectory_files(tmp_path / "a.jsonl").trajectories
    assert told[0] == own
    assert told[1].task.task_id == "b"


def test_a_score_of_1_is_one_point_where_others_of_the_file_have_more(tmp_path):
    science = [{**record(f"boil_{n}", score), "env": "sciworld"} for n, score in ((1, 1), (2, 33))]
    (tmp_path / "a.json").write_text(json.dumps(science))
    reading = read_trajectory_files(tmp_path / "a.json")
    assert [(t.score, t.success) for t in reading.trajectories] == [(0.01, False), (0.33, False)]
    assert reading.notes["scores of 1 that are 1 of 100, as others are above 1"] == 1
    (tmp_path / "a.json").write_text(json.dumps(science[:1]))
    assert read_trajectory_files(tmp_path / "a.json").trajectories[0].success
    (tmp_path / "a.json").write_text(json.dumps([{**science[0], "success": True}, science[1]]))
    told = read_trajectory_files(tmp_path / "a.json").trajectories[0]
    assert (told.score, told.success) == (1.0, True)


def test_objects_that_python_printed_are_literals_only(tmp_path):
    first, other = record("a"), {**record("it's b"), "score": None, "pair": (1, 2)}
    path = tmp_path / "in.jsonl"
    for content in (f"{first}\n{other}\n", f"{[first, other]}", pformat([first, other])):
        path.write_text(content)
        told = read_trajectory_files(path).trajectories
        assert [t.task.task_id for t in told] == ["a", "it's b"]
        assert told[1].record["record"]["pair"] == [1, 2]
    program = "{'a': __import__('pathlib').Path('made').touch()}"
    path.write_text(f"{first}\n{program}\n{{'a': nan}}\n{{'a': [}}\n")
    reading = read_trajectory_files(path)
    assert len(reading.trajectories) == 1
    assert [reason.partition(" is")[0] for _, reason in reading.skipped] == [
        "line 2",
        "line 3",
        "line 4",
    ]
    assert "no literal of Python" in reading.skipped[0][1]


def test_trials_of_reflexion_hold_many_episodes(tmp_path):
    episode = "Hall. Your task is to: sit.\n> think: So.\nOK.\n> sit\nYou sit."
    path = tmp_path / "trial_0.log"
    path.write_text(
        f"\n#####\n\nEnvironment #0:\n{episode}\n\nSTATUS: OK\n\n#####\n"
        "\n#####\n\nEnvironment #1: Success\n\n#####\n"
        f"\n#####\n\nEnvironment #2:\n{episode}\n\nSTATUS: FAIL\n\n#####\n"
        "\n-----\nSUCCESS: 1\nTOTAL: 3\n-----"
    )
    reading = read_trajectory_files(path)
    assert [(t.score, len(t.steps)) for t in reading.trajectories] == [(1.0, 1), (0.0, 1)]
    assert reading.trajectories[1].steps[0].observation == "You sit."
    assert reading.skipped == [
        (f"record 2 of {path}", "it was solved in an earlier trial: no episode")
    ]


def test_a_file_may_be_the_steps_of_one_episode(tmp_path):
    step = {"action": "sit", "observation": "You sit."}
    path = tmp_path / "a.jsonl"
    path.write_text(f"{json.dumps(step)}\n{json.dumps({**step, 'action': 'stand'})}\n")
    (told,) = read_trajectory_files(path).trajectories
    assert [s.action for s in told.steps] == ["sit", "stand"]


def test_nan_is_an_unknown_number(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(record("a", float("nan"))))
    (told,) = read_trajectory_files(tmp_path / "a.jsonl").trajectories
    assert not told.scored


def test_splits_of_wrapped_lists_are_those_of_their_records(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": {"data": TWO[:1]}, "test": {"data": TWO[1:]}}))
    told = read_trajectory_files(path).trajectories
    assert [t.record["record"]["split"] for t in told] == ["train", "test"]


def test_a_text_is_one_episode_and_other_archives_are_named(tmp_path):
    (tmp_path / "a.txt").write_text("Your task is to: sit.\n> sit\nYou sit.\n")
    (told,) = read_trajectory_files(tmp_path / "a.txt").trajectories
    assert (told.task.task_id, told.steps[0].observation) == ("a", "You sit.")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04...")
    with pytest.raises(UserError, match=r"a\.zip is packed with zip: unpack it"):
        read_trajectory_files(tmp_path / "a.zip")


def test_gold_paths_and_histories_of_scienceworld_are_read(tmp_path):
    seen = {"freelook": "This room is called the hall.", "isCompleted": "false"}
    path = [
        {"action": "look around", **seen, "observation": seen["freelook"], "score": "0.0"},
        {"action": "wait", **seen, "observation": "You wait.", "score": "1.0"},
    ]
    told = {"variationIdx": 21, "taskDescription": "Your task is to boil lead. Wait."}
    gold = {"boil": {"taskName": "boil", "goldActionSequences": [{**told, "path": path}] * 2}}
    properties = {**told, "taskName": "boil", "variationIdx": "21"}
    history = {"history": path, "properties": properties}
    played = {"0": {"episodeIdx": 0, "history": history, "notes": {"finalScore": 1.0}}}
    for content, number in ((gold, 2), (played, 1)):
        (tmp_path / "a.json").write_text(json.dumps(content))
        read = read_trajectory_files(tmp_path / "a.json").trajectories
        assert len(read) == number
        for one in read:
            assert one.first_observation == told["taskDescription"]
            assert [s.observation for s in one.steps] == [seen["freelook"], "You wait."]
            assert (one.score, one.record["environment"]) == (1.0, "scienceworld")
            assert "boil_21" in one.record["names"]


@pytest.mark.parametrize("item", [5, "look", None])
def test_an_item_that_is_no_message_is_named(tmp_path, item):
    said = record("a")["conversations"]
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "b", "conversations": [said[0], item]}))
    with pytest.raises(UserError, match=r"record 1 of .*conversations\[1\] is"):
        read_trajectory_files(tmp_path / "a.jsonl")
