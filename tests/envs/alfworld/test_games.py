"""Reading games: the folder layout, the compact files, and damaged ones of both."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.engine import Engine
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import DAMAGED, GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.errors import UserError
from tratree.external_data import external_data

COUNT = 12


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    root = tmp_path_factory.mktemp("generated")
    generate_games(root, "train", COUNT, difficulty="small", seed=3)
    return root


@pytest.fixture
def root(generated, tmp_path):
    return Path(shutil.copytree(generated, tmp_path / "games"))


def write_compact(generated: Path, folder: Path) -> Path:
    """Write the generated games as the compact files hold them."""
    path = folder / "train.jsonl.gz"
    with gzip.open(path, "wt") as lines:
        for game_path in sorted(generated.glob("json_2.1.1/train/*/*/game.tw-pddl"), reverse=True):
            game = json.loads(game_path.read_text())
            task = json.loads(game_path.with_name("traj_data.json").read_text())
            record = {
                "id": game_path.parent.relative_to(generated / "json_2.1.1").as_posix(),
                "task_type": task["task_type"],
                "goal": f"Your task is to: {task['turk_annotations']['anns'][0]['task_desc']}.",
                "walkthrough": game["walkthrough"],
                "pddl_problem": game["pddl_problem"],
            }
            lines.write(json.dumps(record) + "\n")
    return path


def raises_one_line(match: str):
    return pytest.raises(UserError, match=rf"\A[^\n]*{match}[^\n]*\Z")


def test_folder_tasks_are_sorted_and_described(generated):
    tasks = GameFolder(generated).tasks("train")
    assert len(tasks) == COUNT
    assert tasks == sorted(tasks, key=lambda task: task.task_id)
    for task in tasks:
        folder = generated / "json_2.1.1" / task.task_id
        description = json.loads((folder / "traj_data.json").read_text())
        assert task.split == "train"
        assert task.task_type == description["task_type"]
        assert task.instruction == description["turk_annotations"]["anns"][0]["task_desc"]


def test_both_sources_give_the_same_tasks_and_games(generated, tmp_path):
    write_compact(generated, tmp_path)
    folder, compact = GameFolder(generated), CompactGames(tmp_path)
    tasks = folder.tasks("train")
    assert compact.tasks("train") == tasks
    for task in tasks:
        assert compact.load(task.task_id) == folder.load(task.task_id)


def test_folder_passes_over_what_alfworld_passes_over(root):
    games = sorted(root.glob("json_2.1.1/train/*/*/game.tw-pddl"))
    expected = GameFolder(root).tasks("train")[4:]
    first, second, third, fourth = games[:4]
    first.unlink()
    unsolvable = json.loads(second.read_text()) | {"solvable": False}
    second.write_text(json.dumps(unsolvable))
    goal_folder = third.parent.parent
    goal_folder.rename(goal_folder.with_name("pick_and_place_with_movable_recep-Pen-Mug-Desk-301"))
    goal_folder = fourth.parent.parent
    goal_folder.rename(
        goal_folder.with_name("pick_heat_then_place_in_recep-AppleSliced-None-Sink-1")
    )
    assert GameFolder(root).tasks("train") == expected


def test_missing_split_names_the_present_ones(root, tmp_path):
    with raises_one_line("no ALFWorld games in .*valid_seen.*: train"):
        GameFolder(root).tasks("valid_seen")
    with raises_one_line("no ALFWorld games in .*elsewhere.*check the path"):
        GameFolder(tmp_path / "elsewhere").tasks("train")
    (tmp_path / "train.jsonl.gz").touch()
    with raises_one_line("no ALFWorld games in .*dev.jsonl.gz.*: train.jsonl.gz"):
        CompactGames(tmp_path).tasks("dev")


def test_unknown_game(root):
    with raises_one_line("no game .*trial_nowhere"):
        GameFolder(root).load("train/pick/trial_nowhere")
    with raises_one_line("no game 'train/pick/trial_nowhere'"):
        CompactGames(write_compact(root, root).parent).load("train/pick/trial_nowhere")


@pytest.mark.parametrize("name", ["game.tw-pddl", "traj_data.json"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is damaged .*not JSON.*again"),
        (lambda data: b"", "is damaged .*not JSON.*again"),
        (lambda data: b"\xff\xfe\x00", "is damaged .*not JSON.*again"),
        (lambda data: b"[1]", "is damaged .*not a JSON object.*again"),
        (lambda data: b'{"solvable": true}', "is damaged .*no text field.*again"),
    ],
)
def test_damaged_file_in_a_folder(root, name, damage, message):
    path = sorted(root.glob(f"json_2.1.1/train/*/*/{name}"))[0]
    path.write_bytes(damage(path.read_bytes()))
    with raises_one_line(message) as error:
        GameFolder(root).tasks("train")
    assert str(path) in str(error.value)
    brought = GameFolder(root, made_here=False)
    assert len(brought.tasks("train")) == COUNT - 1
    assert brought.left_out("train") == {DAMAGED: [str(path)]}
    if name == "game.tw-pddl":
        with raises_one_line(message):
            GameFolder(root).load(path.parent.relative_to(root / "json_2.1.1").as_posix())


def test_damaged_games_of_others_are_counted_and_named(root, tmp_path):
    paths = sorted(root.glob("json_2.1.1/train/*/*/game.tw-pddl"))
    unsolvable = json.loads(paths[0].read_text()) | {"solvable": False}
    paths[0].write_text(json.dumps(unsolvable))
    cut = json.loads(paths[1].read_text())
    cut["pddl_problem"] = cut["pddl_problem"][:-20]
    paths[1].write_text(json.dumps(cut))
    for path in paths[2:6]:
        path.write_text(path.read_text()[:-9])
    env = AlfworldEnv(
        GameFolder(root, made_here=False), AlfworldSettings(name="alfworld"), tmp_path / "cache"
    )
    assert len(env.tasks("train")) == COUNT - 6
    assert all(env.reset(task).valid for task in env.tasks("train"))
    first = ", ".join(map(str, paths[1:4]))
    assert env.notes("train") == [
        "left out: 1 game not marked as solvable",
        f"left out: 5 games with a damaged file ({first} and 2 others): delete it and download it "
        "again (alfworld-download) to play them all",
    ]
    for path in paths:
        path.write_text("")
    first = ", ".join(map(str, paths[:3]))
    with raises_one_line(
        rf"no ALFWorld game that can be played \(12 .* file: {first} and 9 others"
    ):
        GameFolder(root, made_here=False).tasks("train")


def test_damaged_lines_of_a_compact_file_are_counted_and_named(generated, tmp_path):
    path = write_compact(generated, tmp_path)
    with gzip.open(path) as lines:
        first, second, third, *others = lines
    record = json.loads(third)
    del record["walkthrough"]
    record["pddl_problem"] = "(define"
    damaged = [
        first[:50] + b"\n",
        second.replace(b'"goal"', b'"gaol"'),
        json.dumps(record).encode(),
    ]
    path.write_bytes(gzip.compress(b"".join([*damaged, b"\n", *others])))
    games = CompactGames(tmp_path)
    assert len(games.tasks("train")) == COUNT - 3
    assert games.left_out("train") == {DAMAGED: [f"line {n} of {path}" for n in (1, 2, 3)]}


def test_game_without_goal_sentence(root):
    path = sorted(root.glob("json_2.1.1/train/*/*/game.tw-pddl"))[0]
    path.write_text(path.read_text().replace("Your task is to: ", ""))
    with raises_one_line("is damaged .*Your task is to"):
        GameFolder(root).tasks("train")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is cut or not a gzip file.*again"),
        (lambda data: data[:-4], "is cut or not a gzip file.*again"),
        (lambda data: data[:200] + b"\0\0\0\0" + data[204:], "gzip file.*again"),
        (lambda data: b"no gzip", "is cut or not a gzip file.*again"),
        (lambda data: gzip.compress(b'{"id": "a"\n'), "1 with a damaged file: line 1 of .*again"),
        (
            lambda data: gzip.compress(b'{"goal": "a"}\n'),
            "1 with a damaged file: line 1 of .*again",
        ),
    ],
)
def test_damaged_compact_file(generated, tmp_path, damage, message):
    path = write_compact(generated, tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with raises_one_line(message) as error:
        CompactGames(tmp_path).tasks("train")
    assert str(path) in str(error.value)


@pytest.fixture(scope="module")
def official():
    folder = external_data("alfworld")
    if folder is None:
        pytest.skip("the official games are not on this machine (set TRATREE_DATA)")
    return CompactGames(folder)


@pytest.mark.parametrize(
    ("split", "count"), [("train", 3554), ("valid_seen", 140), ("valid_train", 200)]
)
def test_official_splits(official, split, count):
    tasks = official.tasks(split)
    assert len(tasks) == count
    assert {task.split for task in tasks} == {split}
    assert len({task.task_type for task in tasks}) == 6
    assert all(task.instruction and "task is" not in task.instruction for task in tasks)


def test_official_walkthroughs_win(official, tmp_path):
    engine = Engine(tmp_path)
    by_type = {task.task_type: task for task in official.tasks("valid_seen")}
    for task in by_type.values():
        game = official.load(task.task_id)
        assert f"Your task is to: {task.instruction}." in engine.start(game)
        assert not engine.won
        for command in game.walkthrough:
            engine.step(command)
        assert engine.won, task
    engine.close()
