"""Generate games in ALFWorld's on-disk format from the tables that the alfworld package ships."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from alfworld.gen import constants, goal_library
from alfworld.info import ALFRED_PDDL_PATH, ALFRED_TWL2_PATH
from filelock import FileLock

from tratree.envs.alfworld.difficulty import Difficulty, difficulty_named
from tratree.envs.alfworld.goals import TASK_RULES, Goal, goals_of_scene
from tratree.envs.alfworld.room import draw_room, problem_text
from tratree.envs.alfworld.scene import load_scene
from tratree.envs.alfworld.walkthrough import plan, solves
from tratree.errors import UserError

UNSEEN_SCENES = frozenset({10, 219, 308, 424})
"""ALFRED's scenes for ``valid_unseen``; no other split uses them."""

DEVELOPMENT_SCENES = frozenset({9, 218, 307, 423})
"""Scenes for choosing settings; no other split uses them, and no result is measured on them."""

SPLITS = ("pretraining", "train", "valid_seen", "valid_unseen", "development")


def scenes_of_split(split: str) -> tuple[int, ...]:
    """Return the scene numbers of a split, sorted.

    ``train`` and ``valid_seen`` share their scenes (the odd ones left), not their games;
    ``pretraining`` has the even ones left.

    Raises:
        UserError: If games can't be generated for this split.
    """
    if split not in SPLITS:
        raise UserError(
            f"games can't be generated for split {split!r}; choose one of {', '.join(SPLITS)}"
        )
    if split == "valid_unseen":
        return tuple(sorted(UNSEEN_SCENES))
    if split == "development":
        return tuple(sorted(DEVELOPMENT_SCENES))
    parity = 0 if split == "pretraining" else 1
    reserved = UNSEEN_SCENES | DEVELOPMENT_SCENES
    scenes = sorted(n for numbers in constants.SCENE_TYPE.values() for n in numbers)
    return tuple(n for n in scenes if n % 2 == parity and n not in reserved)


def generate_games(
    root: Path,
    split: str,
    count: int,
    *,
    difficulty: str,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write games 0 to `count` - 1 of a split below ``root/json_2.1.1/split``.

    Game i depends on (split, seed, i, difficulty) only; its task type is i modulo 6, so the types
    are in balance. Each game is checked to be solvable. A game appears by one rename: a run that
    was stopped goes on where it was, complete games are kept and damaged ones written again.

    Args:
        root: Folder of the games; made if missing.
        split: One of `SPLITS`.
        count: How many games the split shall have at least.
        difficulty: A key of `DIFFICULTIES`.
        seed: Any integer.
        progress: Called with the number of finished games after each one.

    Raises:
        UserError: If split or difficulty is unknown, or the split already holds games that were
            not generated with this difficulty and seed.
    """
    scenes = scenes_of_split(split)
    size = difficulty_named(difficulty)
    folder = root / "json_2.1.1" / split
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = root / ".unfinished"
    prefix = f"trial_{difficulty}_{seed}_"
    with FileLock(root / ".lock"):
        shutil.rmtree(unfinished, ignore_errors=True)
        present = {path.name: path for path in sorted(folder.glob("*/trial_*"))}
        for name, path in present.items():
            if not name.startswith(prefix):
                raise UserError(
                    f"{path} is not a {difficulty} game of seed {seed}: "
                    "generate into another folder or delete this one's games"
                )
        for index in range(count):
            name = f"{prefix}{index:06d}"
            if name not in present or not _is_complete(present[name]):
                if name in present:
                    shutil.rmtree(present[name])
                group, files = _make_game(name, scenes, f"{split} {seed} {index}", index, size)
                draft = unfinished / name
                draft.mkdir(parents=True)
                for file_name, text in files.items():
                    (draft / file_name).write_text(text, encoding="utf-8")
                (folder / group).mkdir(exist_ok=True)
                draft.rename(folder / group / name)
            if progress:
                progress(index + 1)
        shutil.rmtree(unfinished, ignore_errors=True)


def _is_complete(folder: Path) -> bool:
    try:
        for name in ("traj_data.json", "game.tw-pddl"):
            json.loads((folder / name).read_text(encoding="utf-8"))
        return (folder / "initial_state.pddl").stat().st_size > 0
    except (OSError, ValueError):
        return False


def _make_game(
    name: str, scenes: tuple[int, ...], key: str, index: int, size: Difficulty
) -> tuple[str, dict[str, str]]:
    """Return the name of the folder that groups equal goals, and the files of one game."""
    rng = random.Random(key)
    task_type = list(TASK_RULES)[index % len(TASK_RULES)]
    number = rng.choice([n for n in scenes if goals_of_scene(n, task_type)])
    goals = goals_of_scene(number, task_type)
    target = rng.choice(list(goals))
    destination = rng.choice(goals[target])
    template = rng.randrange(len(goal_library.gdict[task_type]["templates"]))
    goal = Goal(task_type, target, destination, template)

    room = draw_room(rng, load_scene(number), goal, size)
    walkthrough = plan(room, goal)
    if not solves(walkthrough, room, goal):
        raise RuntimeError(f"generated an unsolvable game: {key}, {goal}, {walkthrough}")

    problem = problem_text(name, room, goal)
    domain, grammar = packaged_rules()
    game = {
        "pddl_domain": domain,
        "grammar": grammar.replace("UNKNOWN GOAL", goal.sentence()),
        "pddl_problem": problem,
        "solvable": True,
        "walkthrough": list(walkthrough),
    }
    description = {
        "task_id": name,
        "task_type": task_type,
        "pddl_params": {
            "object_target": target,
            "parent_target": destination,
            "mrecep_target": "",
            "toggle_target": goal.lamp,
            "object_sliced": False,
        },
        "scene": {"floor_plan": f"FloorPlan{number}", "scene_num": number},
        "turk_annotations": {
            "anns": [{"task_desc": goal.sentence(), "high_descs": [], "votes": [1]}]
        },
    }
    return f"{task_type}-{target}-None-{destination or goal.lamp}-{number}", {
        "traj_data.json": json.dumps(description, indent=2),
        "initial_state.pddl": problem,
        "game.tw-pddl": json.dumps(game),
    }


@cache
def packaged_rules() -> tuple[str, str]:
    """Return alfworld's PDDL domain and text grammar; the grammar's goal is ``UNKNOWN GOAL``."""
    domain = Path(ALFRED_PDDL_PATH).read_text(encoding="utf-8")
    return domain, Path(ALFRED_TWL2_PATH).read_text(encoding="utf-8")
