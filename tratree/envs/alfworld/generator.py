"""Generate games in ALFWorld's on-disk format from the tables that the alfworld package ships."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

from tratree.envs.alfworld.difficulty import difficulty_named
from tratree.envs.alfworld.games import packaged_rules
from tratree.envs.alfworld.goals import TASK_RULES, Goal, goals_of_scene
from tratree.envs.alfworld.package import goal_library
from tratree.envs.alfworld.problem import problem_text
from tratree.envs.alfworld.room import draw_room
from tratree.envs.alfworld.scene import load_scene
from tratree.envs.alfworld.splits import scenes_of_split
from tratree.envs.alfworld.walkthrough import plan, solves
from tratree.errors import UserError


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
    was stopped resumes where it was, complete games are kept and damaged ones written again.

    Args:
        root: Folder of the games; made if missing.
        split: One of `SPLITS`.
        count: Least number of games of the split.
        difficulty: A key of `DIFFICULTIES`.
        seed: Any integer.
        progress: Called with the number of finished games after each one.

    Raises:
        UserError: If split or difficulty is unknown, the folder can't be written, or the split
            already holds games that were not generated with this difficulty and seed.
    """
    scenes_of_split(split)
    difficulty_named(difficulty)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".lock"):
            for finished in _write_missing(root, split, count, difficulty, seed):
                if progress:
                    progress(finished)
    except OSError as error:
        raise UserError(
            f"can't write games below {root} ({error}): make room or choose another folder"
        ) from error


def _write_missing(root: Path, split: str, count: int, difficulty: str, seed: int) -> Iterator[int]:
    """Write the games that are not there yet, yielding the number of finished ones after each."""
    folder = root / "json_2.1.1" / split
    drafts = root / ".unfinished"
    shutil.rmtree(drafts, ignore_errors=True)
    prefix = f"trial_{difficulty}_{seed}_"
    present = {path.name: path for path in sorted(folder.glob("*/*/"))}
    for path in present.values():
        if not path.name.startswith(prefix):
            raise UserError(
                f"{path} is not a {difficulty} game of seed {seed}: "
                "generate into another folder, or delete this split first"
            )
    for index in range(count):
        name = f"{prefix}{index:06d}"
        if name not in present or not _is_complete(present[name]):
            if name in present:
                shutil.rmtree(present[name])
            goal_folder, files = _make_game(name, split, index, difficulty, seed)
            draft = drafts / name
            draft.mkdir(parents=True)
            for file_name, text in files.items():
                (draft / file_name).write_text(text, encoding="utf-8")
            (folder / goal_folder).mkdir(parents=True, exist_ok=True)
            draft.rename(folder / goal_folder / name)
        yield index + 1
    shutil.rmtree(drafts, ignore_errors=True)


def _is_complete(folder: Path) -> bool:
    try:
        for name in ("traj_data.json", "game.tw-pddl"):
            json.loads((folder / name).read_text(encoding="utf-8"))
        return (folder / "initial_state.pddl").stat().st_size > 0
    except (OSError, ValueError):
        return False


def _make_game(
    name: str, split: str, index: int, difficulty: str, seed: int
) -> tuple[str, dict[str, str]]:
    """Return the name of the folder that groups games of one goal and scene, and a game's files."""
    rng = random.Random(f"{split} {seed} {index}")
    task_type = list(TASK_RULES)[index % len(TASK_RULES)]
    scenes = [n for n in scenes_of_split(split) if goals_of_scene(n, task_type)]
    number = rng.choice(scenes)
    goals = goals_of_scene(number, task_type)
    target = rng.choice(list(goals))
    destination = rng.choice(goals[target])
    template = rng.randrange(len(goal_library.gdict[task_type]["templates"]))
    goal = Goal(task_type, target, destination, template)

    room = draw_room(rng, load_scene(number), goal, difficulty_named(difficulty))
    walkthrough = plan(room, goal)
    if not solves(walkthrough, room, goal):
        raise RuntimeError(f"{name} of split {split} can't be solved by {walkthrough}")

    problem = problem_text(name, room, goal)
    domain, grammar = packaged_rules(goal.sentence())
    game = {
        "pddl_domain": domain,
        "grammar": grammar,
        "pddl_problem": problem,
        "solvable": True,
        "walkthrough": walkthrough,
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
