"""``tratree convert``: reports, exit codes, replay."""

from __future__ import annotations

import json

import pytest

from tratree.cli.convert import main
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.stages.environment import opened
from tratree.trajectory.jsonl import read_trajectories

GOOD = {
    "item_id": "webshop_1500",
    "conversations": [
        {"from": "human", "value": "Hall."},
        {"from": "gpt", "value": "Action: look"},
    ],
}
FAILED = {**GOOD, "item_id": "b", "reward": 0}
BAD = {"id": 3, "conversations": [{"from": "human", "value": "Hall."}]}


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_what_was_taken_and_skipped_is_reported(tmp_path, capsys):
    source = write(tmp_path / "in.jsonl", GOOD, BAD, FAILED)
    main([str(source), str(tmp_path / "out.jsonl")])
    told = read_trajectories(tmp_path / "out.jsonl")
    assert [(t.task.task_id, t.scored, t.score) for t in told] == [
        ("webshop_1500", False, 0.0),
        ("b", True, 0.0),
    ]
    report = json.loads((tmp_path / "out.jsonl.report.json").read_text())
    assert report["taken"] == 2
    assert report["skipped"] == [
        {"record": f"record 2 of {source}", "reason": "no turn of an agent"}
    ]
    assert report["notes"] == {"trajectories without a score": 1}
    said = capsys.readouterr().out
    assert "no turn of an agent (first: record 2 of in.jsonl)" in " ".join(said.split())
    assert f"2 trajectories in {tmp_path}/out.jsonl" in said


def test_strict_writes_nothing_if_a_record_is_bad(tmp_path):
    source = write(tmp_path / "in.jsonl", GOOD, BAD)
    with pytest.raises(
        UserError, match=r"--strict: 1 skipped, record 2 of .*: no turn of an agent"
    ):
        main([str(source), str(tmp_path / "out.json"), "--strict", "--to", "trl"])
    assert not (tmp_path / "out.json").exists()
    assert (tmp_path / "out.json.report.json").exists()
    main([str(write(tmp_path / "in.jsonl", GOOD)), str(tmp_path / "out.json"), "--strict"])
    with pytest.raises(UserError, match=r"record 1 of .*\(no turn of an agent\)"):
        main([str(write(tmp_path / "bad.jsonl", BAD)), str(tmp_path / "out.json")])


def test_an_environment_tells_the_scale(tmp_path):
    source = write(tmp_path / "in.jsonl", {**GOOD, "item_id": "x", "reward": 67})
    with pytest.raises(UserError, match=r"say which with --env"):
        main([str(source), str(tmp_path / "out.jsonl")])
    main([str(source), str(tmp_path / "out.jsonl"), "--env", "scienceworld"])
    (told,) = read_trajectories(tmp_path / "out.jsonl")
    assert told.score == 0.67


def test_places_and_overrides_are_checked(tmp_path):
    source = write(tmp_path / "in.jsonl", GOOD)
    with pytest.raises(UserError, match="env=webshop is for --replay only"):
        main([str(source), str(tmp_path / "out.jsonl"), "env=webshop"])
    with pytest.raises(UserError, match=r"--replay plays in one environment"):
        main(
            [
                str(write(tmp_path / "x.jsonl", {**GOOD, "item_id": "x"})),
                str(tmp_path / "o"),
                "--replay",
            ]
        )
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*choose another place"):
        main([str(source), str(tmp_path / "file" / "out.jsonl")])
    report = tmp_path / "file" / "report.json"
    with pytest.raises(UserError, match=rf"cannot write {report} "):
        main([str(source), str(tmp_path / "out.jsonl"), "--report", str(report)])
    assert not (tmp_path / "out.jsonl").exists()


def test_a_target_is_named_as_what_it_holds(tmp_path):
    source = write(tmp_path / "in.jsonl", GOOD)
    with pytest.raises(UserError, match=r"name it \*\.json"):
        main([str(source), str(tmp_path / "out.parquet")])


def test_what_is_read_is_never_replaced(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    source = write(folder / "in.jsonl", GOOD)
    before = source.read_bytes()
    report = ["--report", str(source)]
    for read, *others in (
        [source, source],
        [folder, folder / "out.jsonl"],
        [source, tmp_path / "a", *report],
    ):
        with pytest.raises(UserError, match="choose another place"):
            main(list(map(str, [read, *others])))
    assert source.read_bytes() == before
    assert [path.name for path in source.parent.iterdir()] == ["in.jsonl"]


def test_replay_reports_fixes_and_drops(tmp_path, capsys):
    source = write(tmp_path / "in.jsonl", GOOD, {**GOOD, "item_id": "webshop_99999999"})
    shop = ["--replay", f"store={tmp_path}/store", "env.products=600"]
    main([str(source), str(tmp_path / "a.jsonl"), *shop])
    assert [t.first_observation for t in read_trajectories(tmp_path / "a.jsonl")] == ["Hall."] * 2
    report = json.loads((tmp_path / "a.jsonl.report.json").read_text())
    assert report["notes"]["replayed: something differs"] == 1
    assert report["notes"]["replayed: not, as the task is not here"] == 1
    assert (
        "the score is 0 here, and unknown, so a success there" in report["replayed"][0]["differs"]
    )
    assert "not replayed: no goal webshop_99999999" in report["replayed"][1]["differs"]
    main([str(source), str(tmp_path / "b.jsonl"), *shop, "--differences", "fix"])
    fixed = read_trajectories(tmp_path / "b.jsonl")[0]
    assert fixed.first_observation.startswith("WebShop [SEP] Instruction")
    assert (fixed.steps[0].valid, fixed.scored, fixed.score) == (False, True, 0.0)
    with pytest.raises(UserError, match=r"nothing of .* is left to write"):
        main([str(source), str(tmp_path / "c.jsonl"), *shop, "--differences", "drop"])
    said = [fixed.first_observation, "Action: look", fixed.steps[0].observation]
    speakers = ("human", "gpt", "human")
    unnamed = [{"from": who, "value": text} for who, text in zip(speakers, said, strict=True)]
    main(
        [
            str(write(source, {"id": "mine", "reward": 0, "conversations": unnamed})),
            str(tmp_path / "d.jsonl"),
            *shop,
            "env=webshop",
            "--differences=fix",
        ]
    )
    (same,) = read_trajectories(tmp_path / "d.jsonl")
    assert (same.finished, same.steps[0].valid) == (False, False)  # nothing differs, but is known
    notes = json.loads((tmp_path / "d.jsonl.report.json").read_text())["notes"]
    assert notes["replayed: the task is told by the opening only"] == 1
    assert "replayed: something differs" not in notes


def test_a_task_is_the_one_that_a_trajectory_opens_as(tmp_path):
    shop = [f"store={tmp_path}/store", "env.products=600"]
    config = compose_config(["env=webshop", *shop])
    with opened(config) as env:
        (held_out,) = env.tasks("test")[:1]
        right, wrong = env.tasks("train")[:2]
        ours = [env.reset(right).observation, env.step("click[nothing]").observation]
    said = [
        {"from": "human", "value": ours[0]},
        {"from": "gpt", "value": "Action: click[nothing]"},
        {"from": "human", "value": ours[1]},
    ]
    bound = right.instruction.rpartition("lower than ")[2]
    other_bound = json.loads(json.dumps(said).replace(bound, "1,234.50 dollars"))
    records = [
        {"id": wrong.task_id, "conversations": said, "reward": 0},
        {"id": held_out.task_id, "gamefile": right.task_id, "conversations": said, "reward": 0},
        {"id": "mine", "conversations": other_bound, "reward": 0},
    ]
    source = write(tmp_path / "in.jsonl", *records)
    asked = ["--replay", "env=webshop", *shop, "--differences=fix"]
    main([str(source), str(tmp_path / "out.jsonl"), *asked])
    assert [t.task for t in read_trajectories(tmp_path / "out.jsonl")] == [right] * 3
    report = json.loads((tmp_path / "out.jsonl.report.json").read_text())
    assert report["replayed"] == []
    assert report["contradicting"] == [
        {"record": f"record 2 of {source}", "names": [right.task_id, held_out.task_id]}
    ]
    assert report["notes"]["replayed: the task is another one by its name"] == 1
    assert report["notes"]["replayed: the task is told by the opening only"] == 1
    assert report["notes"]["trajectories whose names contradict each other"] == 1
    assert "replayed: something differs" not in report["notes"]


@pytest.mark.slow
def test_old_scienceworld_files_replay_with_their_names_replaced(tmp_path):
    source = external_data("trajectories/sciworld_agentgym_10.json")
    if source is None:
        pytest.skip("the external data have no trajectories (TRATREE_DATA)")
    target = tmp_path / "out.jsonl"
    records = [r for r in json.loads(source.read_text()) if "green house" in json.dumps(r)]
    old = write(tmp_path / "old.jsonl", *records)
    main(
        [
            str(old),
            str(target),
            "--replay",
            "--differences",
            "fix",
            f"store={tmp_path}/store",
            "env.variations=1",
        ]
    )
    told = read_trajectories(target)
    assert [t.score for t in told] == [1.0] * 5
    notes = json.loads((tmp_path / "out.jsonl.report.json").read_text())["notes"]
    assert notes["scienceworld 1.1.0: `green house` is `greenhouse`"] == 13
    assert notes["scienceworld 1.1.0: `bath tub` is `bathtub`"] == 2


@pytest.mark.slow
def test_scienceworld_files_are_kept_in_another_order_but_not_with_other_things(tmp_path):
    source = external_data("trajectories/sciworld_agentgym_10.json")
    if source is None:
        pytest.skip("the external data have no trajectories (TRATREE_DATA)")
    records = json.loads(source.read_text())
    other = json.dumps(records[0]).replace("a metal pot (containing nothing)", "a metal pot")
    asked = ["--replay", "--differences", "drop", f"store={tmp_path}/store", "env.variations=1"]
    both = write(tmp_path / "both.jsonl", *records, json.loads(other))
    main([str(both), str(tmp_path / "out.jsonl"), *asked])
    assert len(read_trajectories(tmp_path / "out.jsonl")) == 10
    report = json.loads((tmp_path / "out.jsonl.report.json").read_text())
    assert [skipped["record"] for skipped in report["skipped"]] == [f"record 11 of {both}"]
    assert report["notes"]["replayed: something differs"] == 1
    assert report["notes"]["replayed: observations in another order"] == 32 + 1


@pytest.mark.slow
def test_webshop_files_replay_the_same(tmp_path):
    source = external_data("trajectories/webshop_agentgym_200.json")
    data = external_data("webshop")
    if source is None or data is None:
        pytest.skip("the external data have no trajectories (TRATREE_DATA)")
    main(
        [
            str(source),
            str(tmp_path / "out.jsonl"),
            "--replay",
            "--differences",
            "drop",
            f"store={tmp_path}/store",
            "env.catalogue=official",
            f"env.data={data}",
            "env.pages=official",
        ]
    )
    assert len(read_trajectories(tmp_path / "out.jsonl")) == 200
