"""Run the default setting over five seeds and both methods, and write the table.

    python experiments/default_run/run.py

Points that the store already has are not computed again.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import t, ttest_rel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SWEEP = ROOT / "multirun" / "default_run"
SEEDS = range(5)
BASELINE = "sft_strong"
FIGURES = ("reward", "success", "finished", "steps")


def command() -> list[str]:
    """Return the sweep's command line."""
    seeds = ",".join(str(seed) for seed in SEEDS)
    options = ["method=mcts,tree_dpo", f"seed={seeds}", "hydra.sweep.dir=multirun/default_run"]
    return ["python", "train.py", "-m", *options]


def collect() -> dict[tuple[str, str], dict[str, list[float]]]:
    """Return the figures over seeds by system and split."""
    by_seed: dict[tuple[str, str, int], dict[str, float]] = {}
    for path in SWEEP.glob("*/results.json"):
        results = json.loads(path.read_text("utf-8"))
        for system, splits in results["systems"].items():
            for split, figures in splits.items():
                key = (system, split, results["seed"])
                by_seed[key] = {f: figures[f]["mean"] for f in FIGURES}
    collected: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(
        lambda: {figure: [] for figure in FIGURES}
    )
    for (system, split, _), means in sorted(by_seed.items(), key=lambda item: item[0][2]):
        for figure, mean in means.items():
            collected[system, split][figure].append(mean)
    return dict(collected)


def interval(values: list[float]) -> tuple[float, float]:
    """Return the mean and the half width of its 95 % interval over seeds (Student's t)."""
    data = np.asarray(values)
    return data.mean(), t.ppf(0.975, len(data) - 1) * data.std(ddof=1) / np.sqrt(len(data))


def rows(collected: dict[tuple[str, str], dict[str, list[float]]]) -> list[str]:
    """Return the Markdown table's lines."""
    lines = [
        "| split | system | success % | standard deviation | difference to strong SFT | p "
        "| finished % | steps |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for split in ("unseen", "seen"):
        for system in ("sft_weak", BASELINE, "mcts", "tree_dpo"):
            figures = collected.get((system, split))
            if figures is None or len(figures["success"]) < len(SEEDS):
                lines.append(f"| {split} | {system} | not all seeds yet | | | | | |")
                continue
            success = [100 * value for value in figures["success"]]
            mean, half = interval(success)
            difference = pvalue = ""
            if system != BASELINE:
                strong = [100 * value for value in collected[BASELINE, split]["success"]]
                change, margin = interval([a - b for a, b in zip(success, strong, strict=True)])
                difference = f"{change:+.1f} ± {margin:.1f}"
                pvalue = f"{ttest_rel(success, strong).pvalue:.4f}"
            lines.append(
                f"| {split} | {system} | {mean:.1f} ± {half:.1f} | {np.std(success, ddof=1):.1f} "
                f"| {difference} | {pvalue} | {100 * np.mean(figures['finished']):.1f} "
                f"| {np.mean(figures['steps']):.1f} |"
            )
    return lines


def main() -> None:
    """Sweep, then write ``results.md`` and ``results.json`` beside this file."""
    subprocess.run([sys.executable, *command()[1:]], cwd=ROOT, check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    write_results(collect(), commit)


def write_results(collected: dict[tuple[str, str], dict[str, list[float]]], commit: str) -> None:
    """Write the table of what is there; a system without all seeds has an empty row."""
    head = [
        "# Default run: results over seeds",
        "",
        f"Command: `{' '.join(command())}`  ",
        f"Commit {commit}; seeds {', '.join(map(str, SEEDS))}; {platform.machine()}, CPU.",
        "",
        "Mean ± half width of the 95 % interval over seeds (Student's t); differences are paired",
        "by seed, p from the paired t-test. Reward is 1 for success, else 0, in ALFWorld.",
        "",
    ]
    (HERE / "results.md").write_text("\n".join([*head, *rows(collected), ""]), encoding="utf-8")
    document = {f"{system}/{split}": figures for (system, split), figures in collected.items()}
    text = json.dumps(document, indent=2, sort_keys=True)
    (HERE / "results.json").write_text(text + "\n", encoding="utf-8")
    print("\n".join(rows(collected)))


if __name__ == "__main__":
    main()
