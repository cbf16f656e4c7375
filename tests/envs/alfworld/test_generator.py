"""Generating games: what is on disk, the same bytes every time, whatever interrupts."""

import collections
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from alfworld.agents.environment.alfred_tw_env import TASK_TYPES, AlfredTWEnv

from tratree.envs.alfworld.difficulty import DIFFICULTIES
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.goals import TASK_RULES
from tratree.envs.alfworld.scene import PORTABLE, load_scene
from tratree.envs.alfworld.splits import SPLITS, scenes_of_split
from tratree.errors import UserError


def contents(root: Path) -> dict[str, bytes]:
    """Return the bytes of every game file by its path below `root`."""
    games = root / "json_2.1.1"
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(games.rglob("*"))
        if path.is_file()
    }


def starts(root: Path) -> list[str]:
    """Return the part of every problem that describes the start of the game."""
    texts = [path.read_text() for path in sorted(root.rglob("initial_state.pddl"))]
    return [text.partition("(:goal")[0] for text in texts]


@pytest.fixture(scope="module")
def all_splits(tmp_path_factory):
    root = tmp_path_factory.mktemp("splits")
    for split in SPLITS:
        generate_games(root, split, 60, difficulty="small", seed=0)
    return root


def test_task_types_are_in_balance(all_splits):
    for split in SPLITS:
        types = collections.Counter(task.task_type for task in GameFolder(all_splits).tasks(split))
        assert types == dict.fromkeys(TASK_RULES, 10)


def test_splits_keep_to_their_scenes(all_splits):
    scenes = {split: set(scenes_of_split(split)) for split in SPLITS}
    assert scenes["valid_unseen"] == {10, 219, 308, 424}
    assert scenes["development"] == {9, 218, 307, 423}
    assert all(scene % 2 == 0 for scene in scenes["pretraining"])
    assert scenes["train"] == scenes["valid_seen"]
    assert sum(len(scenes[split]) for split in SPLITS if split != "valid_seen") == 120
    assert len(set().union(*scenes.values())) == 120
    for split in SPLITS:
        folders = [path.name for path in (all_splits / "json_2.1.1" / split).iterdir()]
        assert {int(name.rpartition("-")[2]) for name in folders} <= scenes[split]


def test_every_game_has_another_start(all_splits):
    bodies = [re.sub(r"plan_trial_\w+", "", start) for start in starts(all_splits)]
    assert len(set(bodies)) == len(bodies) == 60 * len(SPLITS)


def test_a_game_depends_on_split_seed_and_index_only(tmp_path):
    few, many, other = tmp_path / "few", tmp_path / "many", tmp_path / "other"
    generate_games(few, "train", 7, difficulty="medium", seed=5)
    generate_games(many, "valid_seen", 3, difficulty="medium", seed=5)
    generate_games(many, "train", 20, difficulty="medium", seed=5)
    assert contents(few).items() <= contents(many).items()
    generate_games(few, "train", 20, difficulty="medium", seed=5)
    generate_games(few, "valid_seen", 3, difficulty="medium", seed=5)
    assert contents(few) == contents(many)
    generate_games(other, "train", 20, difficulty="medium", seed=6)
    assert len(set(starts(other)) | set(starts(many / "json_2.1.1" / "train"))) == 40


def test_games_are_the_same_on_every_machine(tmp_path):
    for difficulty in DIFFICULTIES:
        generate_games(tmp_path / difficulty, "train", 12, difficulty=difficulty, seed=0)
    digest = hashlib.sha256()
    for path in sorted(tmp_path.rglob("initial_state.pddl")):
        digest.update(path.read_bytes())
    assert digest.hexdigest() == "7c634f738bc6334ab3e5c286d56b3f129f5247b170a1c750d7ec8038476f1773"


def test_interrupted_run_goes_on_where_it_was(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from tratree.envs.alfworld.generator import generate_games\n"
        "generate_games(Path(sys.argv[1]), 'train', 100_000, difficulty='full', seed=1)\n"
    )
    root = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, str(root)])
    deadline = time.monotonic() + 60
    while len(list(root.glob("json_2.1.1/train/*/*"))) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    finished = len(GameFolder(root).tasks("train"))
    assert finished >= 20
    generate_games(root, "train", finished + 5, difficulty="full", seed=1)
    generate_games(tmp_path / "whole", "train", finished + 5, difficulty="full", seed=1)
    assert contents(root) == contents(tmp_path / "whole")
    assert not (root / ".unfinished").exists()


@pytest.mark.parametrize("name", ["game.tw-pddl", "traj_data.json", "initial_state.pddl"])
def test_damaged_game_is_written_again_and_the_others_kept(tmp_path, name):
    generate_games(tmp_path, "train", 6, difficulty="small", seed=0)
    before = contents(tmp_path)
    damaged, kept, removed = sorted(tmp_path.rglob(name))[:3]
    damaged.write_bytes(damaged.read_bytes()[: -100 if name != "initial_state.pddl" else 0])
    removed.unlink()
    kept_since = kept.stat().st_mtime_ns
    generate_games(tmp_path, "train", 6, difficulty="small", seed=0)
    assert contents(tmp_path) == before
    assert kept.stat().st_mtime_ns == kept_since


def test_two_runs_at_once(tmp_path):
    def generate() -> None:
        generate_games(tmp_path / "both", "train", 40, difficulty="small", seed=0)

    threads = [threading.Thread(target=generate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    generate_games(tmp_path / "one", "train", 40, difficulty="small", seed=0)
    assert contents(tmp_path / "both") == contents(tmp_path / "one")


def test_progress_counts_finished_games(tmp_path):
    counts = []
    generate_games(tmp_path, "train", 4, difficulty="small", seed=0, progress=counts.append)
    generate_games(tmp_path, "train", 5, difficulty="small", seed=0, progress=counts.append)
    assert counts == [1, 2, 3, 4, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_size_is_as_the_difficulty_says(tmp_path, difficulty):
    generate_games(tmp_path, "train", 60, difficulty=difficulty, seed=2)
    size = DIFFICULTIES[difficulty]
    for path in sorted(tmp_path.rglob("initial_state.pddl")):
        start, _, _ = path.read_text().partition("(:goal")
        goal = json.loads(path.with_name("traj_data.json").read_text())
        scene = load_scene(goal["scene"]["scene_num"])
        receptacles = re.findall(r"\(receptacleType (\S+) \w+\)", start)
        types = collections.Counter(re.findall(r"\(objectType \S+ (\w+)Type\)", start))

        everything = len(scene.receptacles)
        low, high = size.receptacles or (everything, everything)
        assert min(low, everything) <= len(receptacles) <= high
        target = goal["pddl_params"]["object_target"]
        extra = 1 if goal["task_type"] == "pick_two_obj_and_place" else 0
        assert size.copies[0] + extra <= types.pop(target) <= size.copies[1] + extra
        types.pop(goal["pddl_params"]["toggle_target"], None)
        assert all(
            size.copies[0] <= count <= size.copies[1] if name in PORTABLE else count == 1
            for name, count in types.items()
        )
        if size.distractors:
            assert len(types) <= size.distractors[1]


def test_small_games_of_a_scene_differ_in_their_furniture(all_splits):
    furniture = collections.defaultdict(list)
    for path in sorted(all_splits.glob("json_2.1.1/valid_unseen/*/*/initial_state.pddl")):
        start, _, _ = path.read_text().partition("(:goal")
        receptacles = re.findall(r"\(receptacleType (\S+) \w+\)", start)
        furniture[path.parent.parent.name.rpartition("-")[2]].append(frozenset(receptacles))
    for scene, rooms in furniture.items():
        assert len(set(rooms)) > len(rooms) / 2, scene
        unions = frozenset().union(*rooms)
        assert {r.identifier for r in load_scene(int(scene)).receptacles} >= unions
        assert len(unions) >= min(9, len(load_scene(int(scene)).receptacles))


def test_desk_lamps_stand_in_a_receptacle(all_splits):
    lamps = 0
    for start in starts(all_splits):
        for lamp in re.findall(r"\(objectType (DeskLamp_\S+) ", start):
            assert f"(inReceptacle {lamp} " in start
            lamps += 1
    assert lamps >= 10 * len(SPLITS)


def test_the_loader_of_alfworld_accepts_the_games(all_splits):
    config = {
        "dataset": {
            "data_path": str(all_splits / "json_2.1.1" / "train"),
            "num_train_games": 0,
        },
        "env": {"goal_desc_human_anns_prob": 0, "task_types": list(TASK_TYPES)},
    }
    accepted = AlfredTWEnv(config, train_eval="train").game_files
    tasks = GameFolder(all_splits).tasks("train")
    expected = [all_splits / "json_2.1.1" / task.task_id / "game.tw-pddl" for task in tasks]
    assert sorted(accepted) == [str(path) for path in expected]


@pytest.mark.parametrize(
    ("split", "difficulty", "message"),
    [
        ("test", "small", "can't be generated for split 'test'.*pretraining, train"),
        ("train", "tiny", "unknown difficulty 'tiny'.*small, medium, full"),
    ],
)
def test_unknown_names(tmp_path, split, difficulty, message):
    with pytest.raises(UserError, match=message):
        generate_games(tmp_path, split, 1, difficulty=difficulty, seed=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("difficulty", "seed"), [("medium", 0), ("small", 1)])
def test_games_of_other_settings_are_not_mixed(tmp_path, difficulty, seed):
    generate_games(tmp_path, "train", 2, difficulty="small", seed=0)
    with pytest.raises(UserError, match=f"not a {difficulty} game of seed {seed}.*another folder"):
        generate_games(tmp_path, "train", 2, difficulty=difficulty, seed=seed)


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"can't write games below .*file"):
        generate_games(tmp_path / "file", "train", 1, difficulty="small", seed=0)
