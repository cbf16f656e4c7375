"""Run the default setting with the environment's scores and with the weak model's own; compare.

    python experiments/self_score/run.py

Both explore the same trajectories; what the store already has is not computed again. Writes
``results.md`` beside this file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sklearn.metrics import roc_auc_score

from tratree.evaluation.power import holm
from tratree.report.table import p_text
from tratree.runs.run_folder import read_stages
from tratree.runs.starts import origin, starts_below
from tratree.stages.file_names import EPISODES
from tratree.trajectory.jsonl import read_trajectories

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNS = ROOT / "multirun" / "self_score"
SCORES = ("environment", "self")
METHOD = "mcts"
WEAK, STRONG = "sft_weak", "sft_strong"


def play(score: str, overrides: list[str]) -> dict[str, Any]:
    """Run the default setting with one kind of score; return its ``results.json``."""
    folder = RUNS / score
    options = [f"explore.score={score}", f"method={METHOD}", f"hydra.run.dir={folder}"]
    subprocess.run([sys.executable, "train.py", *options, *overrides], cwd=ROOT, check=True)
    results: dict[str, Any] = json.loads((folder / "results.json").read_text("utf-8"))
    return results


def table(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the success of every system, and what it gains on the strong model after SFT."""
    lines = [
        "| system | split | success % | against sft_strong, points | p | p (Holm) | detectable |",
        "|---|---|---|---|---|---|---|",
    ]
    shown = [
        (
            title,
            split,
            results["systems"][system][split]["success"],
            _compared(results, system, split),
        )
        for split in found["self"]["systems"][WEAK]
        for title, results, system in (
            *((name, found["self"], name) for name in (WEAK, STRONG)),
            *((f"{METHOD}, score={score}", found[score], METHOD) for score in SCORES),
        )
    ]
    corrected = holm([compared["p"] if compared else None for *_, compared in shown])
    for (title, split, success, compared), p_holm in zip(shown, corrected, strict=True):
        cells = [title, split, interval(success), *[""] * 4]
        if compared:
            detectable = compared["detectable"]
            cells[3:] = [
                interval(compared["difference"]),
                p_text(compared["p"]),
                p_text(p_holm),
                "" if detectable is None else f"{100 * detectable:.1f}",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _compared(results: dict[str, Any], system: str, split: str) -> dict[str, Any] | None:
    of_split = results["comparisons"]["systems"].get(system, {}).get(split)
    return of_split["success"] if of_split else None


def interval(estimate: dict[str, float]) -> str:
    """Return a share in percent with its interval."""
    mean, low, high = (f"{100 * estimate[key]:.1f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def agreement() -> str:
    """Say how well the weak model's own scores tell its successes from its failures."""
    stages = read_stages(RUNS / "self")
    folders = [stages.folder(title) for title in ("explore", "self_score")]
    true, own = (read_trajectories(folder / EPISODES) for folder in folders if folder)
    success = [t.success for t in true]
    by_task: dict[str, list[int]] = {}
    for number, trajectory in enumerate(true):
        by_task.setdefault(trajectory.task.task_id, []).append(number)
    mixed = [n for n in by_task.values() if len({success[i] for i in n}) == 2]
    right = [success[max(numbers, key=lambda i: own[i].score)] for numbers in mixed]
    chance = [sum(success[i] for i in numbers) / len(numbers) for numbers in mixed]
    return (
        f"{len(true)} explored trajectories, {sum(success) / len(true):.1%} solved; the weak model "
        f"takes {sum(t.success for t in own) / len(own):.1%} for solved. Area under the ROC curve "
        f"of its score against true success: {roc_auc_score(success, [t.score for t in own]):.3f}. "
        f"Of the {len(mixed)} tasks with successes and failures, the trajectory with the highest "
        f"own score is a success in {sum(right) / len(right):.1%} (a random one: "
        f"{sum(chance) / len(chance):.1%})."
    )


def main(overrides: list[str]) -> None:
    """Run both, and write the table."""
    found = {score: play(score, overrides) for score in SCORES}
    command = " ".join(["python experiments/self_score/run.py", *overrides])
    head = f"`{command}`; {origin(starts_below(RUNS))}; seed {found['self']['seed']}."
    text = "\n".join([head, "", *table(found), "", agreement(), ""])
    (HERE / "results.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
