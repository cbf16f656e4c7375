"""Search M and the width of the trees, and write down what was found.

    python experiments/tuning/run.py                 # ALFWorld
    python experiments/tuning/run.py env=webshop

Takes any override but several seeds. Stopped and started again, it resumes; once the search is
over, the command only writes ``results.md``, ``results.json`` and ``search.svg`` again, in the
folder of the environment's name beside this file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tratree.report.colours import SOFT, style_of
from tratree.report.html import svg
from tratree.report.render_table import markdown_table
from tratree.runs.run_folder import seconds_by_stage
from tratree.runs.starts import origin, starts_below
from tratree.tuning.study import Setting, read_settings

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEARCHES = ROOT / "multirun" / "tuning"
SEARCH = ("hparams_search=mcts", "hydra.sweeper.n_trials=10", "hydra.sweeper.n_startup_trials=5")
SPLIT = "development"
BASELINES = ("sft_weak", "sft_strong")


@dataclass(frozen=True)
class Trial:
    """A setting and the ``results.json`` of its run."""

    setting: Setting
    results: Mapping[str, Any]

    def reward(self, system: str | None = None) -> dict[str, float]:
        """Return mean, low and high of a system's reward; by default the method's."""
        systems = self.results["systems"]
        reward: dict[str, float] = systems[system or self.results["method"]][SPLIT]["reward"]
        return reward


def search(env: str, overrides: Sequence[str]) -> None:
    """Run the search, or what is missing of it."""
    folder = f"hydra.sweep.dir={SEARCHES / env}"
    command = [sys.executable, "train.py", *SEARCH, f"env={env}", folder, *overrides]
    subprocess.run(command, cwd=ROOT, check=True)


def read_trials(folder: Path) -> list[Trial]:
    """Return the trials that came to a reward, by number."""
    trials = []
    for setting in read_settings(folder):
        if setting.reward is not None:
            [results] = (folder / str(setting.number)).glob("seed*/results.json")
            trials.append(Trial(setting, json.loads(results.read_text("utf-8"))))
    return trials


def percent(reward: Mapping[str, float]) -> str:
    """Return a reward in percent with its interval."""
    mean, low, high = (f"{100 * reward[key]:.1f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def table(trials: Sequence[Trial]) -> list[list[str]]:
    """Return a line for each trial."""
    rows = [
        [str(t.setting.number), *map(str, t.setting.values.values()), percent(t.reward())]
        for t in trials
    ]
    return [["trial", *trials[0].setting.values, "reward"], *rows]


def draw(trials: Sequence[Trial]) -> Figure:
    """Draw reward in percent, with the interval over tasks, by trial and against each key."""
    keys = list(trials[0].setting.values)
    style = style_of(trials[0].results["method"])
    figure = Figure(figsize=(3.6 * (1 + len(keys)), 3.4), layout="constrained")
    panels = figure.subplots(1, 1 + len(keys), sharey=True)
    numbers = [t.setting.number for t in trials]
    rewards = [t.reward() for t in trials]
    means = [100 * r["mean"] for r in rewards]
    halves = [
        [100 * (r["mean"] - r["low"]) for r in rewards],
        [100 * (r["high"] - r["mean"]) for r in rewards],
    ]
    places = {"trial": numbers, **{key: [t.setting.values[key] for t in trials] for key in keys}}
    for panel, (name, values) in zip(panels, places.items(), strict=True):
        panel.errorbar(values, means, yerr=halves, fmt=style.marker, color=style.light)
        panel.set_xlabel(name)
        panel.grid(alpha=0.3)
    best = [max(means[: count + 1]) for count in range(len(means))]
    panels[0].step(numbers, best, where="post", color=SOFT, label="best so far")
    panels[0].set_ylabel("reward, %")
    figure.legend(loc="outside lower left", frameon=False)
    return figure


def report(env: str, overrides: Sequence[str]) -> None:
    """Write the results of a search."""
    folder, out = SEARCHES / env, HERE / env
    trials = read_trials(folder)
    best = max(trials, key=lambda t: (t.reward()["mean"], -t.setting.number))
    chosen = " ".join(f"{key}={value}" for key, value in best.setting.values.items())
    others = ", ".join(f"{name} {percent(best.reward(name))}" for name in BASELINES)
    seconds = seconds_by_stage(folder)
    cost = ", ".join(f"{stage} {time / 60:.1f}" for stage, time in seconds.items())
    command = " ".join(["python experiments/tuning/run.py", f"env={env}", *overrides])
    parts = [
        f"# tuning, {env}: results",
        f"`{command}`; {origin(starts_below(folder))}; {len(trials)} settings.",
        f"The best is trial {best.setting.number}, `{chosen}`: reward {percent(best.reward())}. "
        f"On the same games: {others}.",
        markdown_table(table(trials)),
        "Reward in percent of the highest score [95 % interval over the tasks of the development "
        "split]. All trials have one seed and the same tasks. The reward of the best of several is "
        "too high an estimate of what it is on other tasks.",
        f"Cost: {sum(seconds.values()) / 60:.1f} minutes, each stage counted once ({cost}).",
    ]
    document = {
        "method": best.results["method"],
        "best": best.setting.number,
        "trials": [
            {"number": t.setting.number, "values": t.setting.values, "reward": t.reward()}
            for t in trials
        ],
        "baselines": {name: best.reward(name) for name in BASELINES},
        "seconds": seconds,
    }
    out.mkdir(exist_ok=True)
    (out / "results.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    (out / "results.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (out / "search.svg").write_text(svg(draw(trials)), encoding="utf-8")
    print(f"trial {best.setting.number} is the best; written to {out}")


def main(arguments: Sequence[str]) -> None:
    """Search, then report."""
    given = dict(argument.partition("=")[::2] for argument in arguments)
    env = given.get("env", "alfworld")
    overrides = [argument for argument in arguments if not argument.startswith("env=")]
    search(env, overrides)
    report(env, overrides)


if __name__ == "__main__":
    main(sys.argv[1:])
