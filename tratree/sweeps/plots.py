"""Plots of a sweep: reward against each axis that has numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tratree.report.html import COLOURS, MARKERS
from tratree.sweeps.rows import Row

LETTER = 0.08
"""Inches that a letter of a label takes, so that labels take no room from the panels."""


def numeric_axes(rows: Sequence[Row], axes: Sequence[str]) -> list[str]:
    """Return the axes along which some system has at least two numbers."""
    return [axis for number, axis in enumerate(axes) if len(_numbers(rows, number)) > 1]


def plot(rows: Sequence[Row], axes: Sequence[str], axis: str) -> Figure:
    """Draw reward in percent against `axis`: a panel for each environment and split.

    Every system and setting of the other axes is a line with its 95 % intervals over seeds. A
    system that the axis does not concern is a horizontal line with its interval as a band.

    Args:
        rows: Of the whole sweep.
        axes: The names of the rows' values.
        axis: One of them.
    """
    number = list(axes).index(axis)
    panels = list(dict.fromkeys((row.env, row.split) for row in rows))
    figure = Figure(figsize=(4.6 * len(panels), 3.4), layout="constrained")
    drawn = figure.subplots(1, len(panels), squeeze=False)[0]
    lines = _lines(rows, axes, number)
    names = list(dict.fromkeys(lines.values()))
    for panel, (env, split) in zip(drawn, panels, strict=True):
        for index, name in enumerate(names):
            line = [
                row
                for row in rows
                if (row.env, row.split) == (env, split) and lines[row.system, row.values] == name
            ]
            style = {"color": COLOURS[index % len(COLOURS)], "label": name}
            _draw(panel, line, number, MARKERS[index % len(MARKERS)], style)
        panel.set(title=f"{env}, {split}", xlabel=axis, ylabel="reward, %")
        panel.set_xticks(sorted(_numbers(rows, number)))
        panel.grid(alpha=0.3)
    drawn[-1].legend(fontsize="small", frameon=False)
    return figure


def plot_systems(rows: Sequence[Row], axes: Sequence[str]) -> Figure:
    """Draw reward in percent of every system and setting: a panel for each environment and split.

    Args:
        rows: Of the whole sweep.
        axes: The names of the rows' values.
    """
    panels = list(dict.fromkeys((row.env, row.split) for row in rows))
    lines = _lines(rows, axes)
    names = list(dict.fromkeys(lines.values()))
    labels = max(1.5, LETTER * max(map(len, names)))
    size = 3.6 * len(panels) + labels, 0.35 * len(names) + 1.2
    figure = Figure(figsize=size, layout="constrained")
    drawn = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for panel, (env, split) in zip(drawn, panels, strict=True):
        shown = [row for row in rows if (row.env, row.split) == (env, split)]
        panel.errorbar(
            [100 * row.reward for row in shown],
            [names.index(lines[row.system, row.values]) for row in shown],
            xerr=[[100 * _half(row) for row in shown]] * 2,
            marker=MARKERS[0],
            linestyle="none",
            capsize=3,
            color=COLOURS[0],
        )
        panel.set(title=f"{env}, {split}", xlabel="reward, %")
        panel.grid(alpha=0.3)
    drawn[0].set_yticks(range(len(names)), names)
    drawn[0].invert_yaxis()
    return figure


def _draw(
    panel: Axes, line: Sequence[Row], number: int, marker: str, style: dict[str, Any]
) -> None:
    varied = sorted(
        (row for row in line if _is_number(row.values[number])), key=lambda row: row.values[number]
    )
    if varied:
        panel.errorbar(
            [row.values[number] for row in varied],
            [100 * row.reward for row in varied],
            yerr=[[100 * _half(row) for row in varied]] * 2,
            marker=marker,
            capsize=3,
            **style,
        )
    for row in line:
        if row.values[number] is None:
            panel.axhline(100 * row.reward, linestyle="--", **style)
            half = _half(row)
            bounds = 100 * (row.reward - half), 100 * (row.reward + half)
            panel.axhspan(*bounds, color=style["color"], alpha=0.12, linewidth=0)


def _half(row: Row) -> float:
    return 0.0 if row.high is None else row.high - row.reward


def _numbers(rows: Sequence[Row], number: int) -> set[float]:
    return {row.values[number] for row in rows if _is_number(row.values[number])}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lines(
    rows: Sequence[Row], axes: Sequence[str], number: int | None = None
) -> dict[tuple[str, tuple[Any, ...]], str]:
    """Name every system with its settings except for the axis of that number."""
    texts = [_short([row.values[index] for row in rows]) for index in range(len(axes))]
    found = {}
    for row in rows:
        others = (
            f"{_key(axis)}={texts[index][str(value)]}"
            for index, (axis, value) in enumerate(zip(axes, row.values, strict=True))
            if index != number and value is not None
        )
        found[row.system, row.values] = ", ".join([row.system, *others])
    return found


def _key(axis: str) -> str:
    return axis.removeprefix("method.").removeprefix("model.").removesuffix(".name")


def _short(values: Sequence[Any]) -> Mapping[str, str]:
    """Shorten paths and ids of models to their last part, unless two would be the same."""
    whole = list(dict.fromkeys(str(value) for value in values))
    last = [value.rsplit("/", 1)[-1] for value in whole]
    return dict(zip(whole, last if len({*last}) == len(whole) else whole, strict=True))
