"""Show what each system of the sweep does after an action that the environment refused.

    python experiments/failures/why.py            # of multirun/failures
    python experiments/failures/why.py FOLDER     # of the runs in a folder

Reads the evaluated episodes of the finished points from the store, and writes ``why.md`` beside
this file.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tratree.evaluation.seeds import over_seeds
from tratree.report.render_table import markdown_table
from tratree.runs.run_folder import read_stages
from tratree.stages.file_names import EPISODES
from tratree.sweeps.points import Point, find_points
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Trajectory

HERE = Path(__file__).resolve().parent
RUNS = HERE.parents[1] / "multirun" / "failures"
STUCK = 8
SETTINGS = ("tree", "method", "model", "explore")
FIGURES = (
    "success %",
    "steps",
    "refused actions",
    "refused ones repeated at once %",
    "episodes without a refusal %",
    "success after a refusal %",
    f"episodes that end in {STUCK} refusals %",
)


def figures(episodes: Sequence[Trajectory]) -> dict[str, float]:
    """Return `FIGURES` of the episodes of one evaluation."""
    refused = [[not step.valid for step in e.steps] for e in episodes]
    repeated = [
        one.action == following.action
        for e in episodes
        for one, following in zip(e.steps, e.steps[1:], strict=False)
        if not one.valid
    ]
    after = [e.success for e, flags in zip(episodes, refused, strict=True) if any(flags)]
    stuck = sum(len(flags) >= STUCK and all(flags[-STUCK:]) for flags in refused)
    number = len(episodes)
    values = (
        100 * sum(e.success for e in episodes) / number,
        sum(map(len, refused)) / number,
        sum(map(sum, refused)) / number,
        100 * sum(repeated) / max(1, len(repeated)),
        100 * (number - len(after)) / number,
        100 * sum(after) / max(1, len(after)),
        100 * stuck / number,
    )
    return dict(zip(FIGURES, values, strict=True))


def settings(point: Point) -> str:
    """Return what a point sets, without what all points set."""
    shown = (f"{k}={v}" for k, v in sorted(point.overrides.items()) if k.split(".")[0] in SETTINGS)
    return " ".join(shown)


def by_system(points: Sequence[Point]) -> Mapping[str, Mapping[int, dict[str, float]]]:
    """Return the figures of each system and seed."""
    found: defaultdict[str, dict[int, dict[str, float]]] = defaultdict(dict)
    for point in points:
        stages = read_stages(point.folder)
        for title in point.stages:
            stage, _, system = title.partition(" ")
            name = system if system.startswith("sft_") else settings(point)
            seed = point.value("seed")
            folder = stages.folder(title)
            if stage == "evaluate" and folder and seed not in found[name]:
                found[name][seed] = figures(read_trajectories(folder / EPISODES))
    return found


def main(runs: Path) -> None:
    """Write the table."""
    points = [point for point in find_points([runs]) if point.status == "done"]
    table = [["system", "seeds", *FIGURES]]
    for name, of_seeds in sorted(by_system(points).items()):
        cells = []
        for figure in FIGURES:
            mean, low, _ = over_seeds([one[figure] for one in of_seeds.values()])
            cells.append(f"{mean:.1f}" + ("" if low is None else f" ± {mean - low:.1f}"))
        table.append([f"`{name}`", ", ".join(map(str, sorted(of_seeds))), *cells])
    text = "# What follows a refused action\n\n`python experiments/failures/why.py`: development "
    text += "games, mean over seeds ± 95 %.\n\n" + markdown_table(table) + "\n"
    (HERE / "why.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
