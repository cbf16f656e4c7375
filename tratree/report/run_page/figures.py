"""Drawings of a run: its results with their intervals, and its learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tratree.report.html import COLOURS, MARKERS

NOT_DRAWN = ("step", "learning_rate", "gradient_norm")
PANELS_A_ROW = 3


def draw_results(systems: Mapping[str, Any]) -> Figure:
    """Draw reward in percent of every system, with its 95 % interval; a colour for each split."""
    splits = list(dict.fromkeys(split for of_system in systems.values() for split in of_system))
    figure = Figure(figsize=(7.2, 1.1 + 0.32 * len(systems) * len(splits)), layout="constrained")
    axes = figure.subplots()
    for index, split in enumerate(splits):
        shown = [n for n, of_system in enumerate(systems.values()) if split in of_system]
        rewards = [list(systems.values())[n][split]["reward"] for n in shown]
        axes.errorbar(
            [100 * reward["mean"] for reward in rewards],
            [n + 0.5 * (index + 0.5) / len(splits) - 0.25 for n in shown],
            xerr=[
                [100 * (reward["mean"] - reward["low"]) for reward in rewards],
                [100 * (reward["high"] - reward["mean"]) for reward in rewards],
            ],
            fmt=MARKERS[index % len(MARKERS)],
            color=COLOURS[index % len(COLOURS)],
            capsize=3,
            label=split,
        )
    axes.set(xlabel="reward, %", xlim=(-2, 102), ylim=(len(systems) - 0.5, -0.5))
    axes.set_yticks(range(len(systems)), list(systems))
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize="small", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_curves(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Draw every figure of every fine-tuning against the step, each in a panel of its own."""
    panels = [
        (title, name) for title, rows in curves.items() for name in rows[0] if name not in NOT_DRAWN
    ]
    lines = -(-len(panels) // PANELS_A_ROW)
    figure = Figure(figsize=(9.6, 2.6 * lines), layout="constrained")
    grid = figure.subplots(lines, PANELS_A_ROW, squeeze=False).ravel()
    for axes, (title, name) in zip(grid, panels, strict=False):
        rows = [row for row in curves[title] if name in row]
        marker = "o" if len(rows) == 1 else ""
        steps, values = [row["step"] for row in rows], [row[name] for row in rows]
        axes.plot(steps, values, color=COLOURS[0], marker=marker, linewidth=1.2)
        axes.set_title(f"{title}: {name.replace('_', ' ')}", fontsize="medium")
        axes.set_xlabel("step")
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    for axes in grid[len(panels) :]:
        axes.remove()
    return figure
