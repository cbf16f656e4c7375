"""Drawings of a run: its results with their intervals, and its learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from tratree.report.colours import INK, style_of
from tratree.report.html import AS_WRITTEN, WIDTH

NOT_DRAWN = ("step", "learning_rate", "gradient_norm", "tokens")
PANELS_A_ROW = 3

PER_TOKEN = "loss_per_token"
UNITS: Mapping[str, str] = {
    "accuracy": "share of pairs",
    **dict.fromkeys(("margin", "chosen_reward", "rejected_reward", PER_TOKEN), "nats"),
}
LOSSES: Mapping[str, str] = {
    "sft": "loss per token, nats",
    "imitate": "loss per path, nats",
    "prefer": "loss per pair, nats",
}
"""The loss of each kind of fine-tuning, and what it is a mean over."""
CURVES_NOTE = (
    "Imitation minimises the negative log-likelihood of a whole path, so its loss is many times "
    "that of supervised fine-tuning, which is a mean over tokens; per token is the loss per path, "
    "divided by the mean number of the agent's tokens of a path. The loss and the margin of "
    "preference learning are means over pairs."
)


@rc_context(AS_WRITTEN)
def draw_results(systems: Mapping[str, Any], baseline: str = "sft_strong") -> Figure:
    """Draw reward in percent of every system, with its 95 % interval; a panel for each split."""
    splits = list(dict.fromkeys(split for of_system in systems.values() for split in of_system))
    figure = Figure(figsize=(WIDTH, 0.9 + 0.34 * len(systems)), layout="constrained")
    panels = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
    for panel, split in zip(panels, splits, strict=True):
        for number, (name, of_system) in enumerate(systems.items()):
            if split not in of_system:
                continue
            reward = {key: 100 * value for key, value in of_system[split]["reward"].items()}
            below = max(0.0, reward["mean"] - reward["low"])
            above = max(0.0, reward["high"] - reward["mean"])
            style = style_of(name)
            panel.errorbar(
                *(reward["mean"], number),
                xerr=[[below], [above]],
                fmt=style.marker,
                color=style.light,
                capsize=3,
                markersize=7,
            )
        if split in systems.get(baseline, {}):
            mean = 100 * systems[baseline][split]["reward"]["mean"]
            panel.axvline(mean, color=style_of(baseline).light, linewidth=1, linestyle=":")
        panel.set_title(split, fontsize="medium")
        panel.set(xlabel="reward, %", xlim=(-2, 102), ylim=(len(systems) - 0.5, -0.5))
        panel.grid(axis="x", alpha=0.5)
    panels[0].set_yticks(range(len(systems)), list(systems))
    return figure


@rc_context(AS_WRITTEN)
def draw_curves(curves: Mapping[str, Sequence[Mapping[str, float]]], method: str = "") -> Figure:
    """Draw every figure of every fine-tuning against the step, each in a panel of its own.

    Args:
        curves: Rows of figures of each fine-tuning, by its title.
        method: The system whose colour all but the SFT of weak and strong model have.
    """
    panels = [
        (title, name)
        for title, rows in curves.items()
        for name in dict.fromkeys(name for row in rows for name in row)
        if name not in NOT_DRAWN
    ]
    lines = max(1, -(-len(panels) // PANELS_A_ROW))
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    figure = Figure(figsize=(WIDTH, 2.6 * lines), layout=layout)
    grid = figure.subplots(lines, PANELS_A_ROW, squeeze=False).ravel()
    for axes, (title, name) in zip(grid, panels, strict=False):
        rows = [row for row in curves[title] if name in row]
        marker = "o" if len(rows) == 1 else ""
        steps, values = [row["step"] for row in rows], [row[name] for row in rows]
        system = title.replace(" ", "_") if title.startswith("sft ") else method
        colour = style_of(system).light if system else INK
        axes.plot(steps, values, color=colour, marker=marker, linewidth=1.2)
        axes.set_title(title, fontsize="medium")
        axes.set(xlabel="step of the optimizer", ylabel=_unit(title, name))
        axes.set_xlim(left=0)
        if name == "accuracy":
            axes.set_ylim(-0.03, 1.03)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.5)
    for axes in grid[len(panels) :]:
        axes.remove()
    return figure


def _unit(title: str, name: str) -> str:
    if name == "loss":
        return LOSSES.get(title.split(" ")[0], "loss")
    said = name.replace("_", " ")
    return f"{said}, {UNITS[name]}" if name in UNITS else said
