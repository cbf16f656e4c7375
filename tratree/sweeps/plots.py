"""Plots of a sweep: reward against each axis that has numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tratree.report.colours import style_of
from tratree.report.html import AS_WRITTEN, WIDTH
from tratree.sweeps.rows import Row, value_text

PANELS_A_ROW = 3
MOST = 8
"""With more lines or values than that, as a search has them, they are points of their system."""
DASHES: Sequence[Any] = ("-", (0, (6, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
"""Of the lines of one system, which have its colour."""
LEGEND, MARKER = 130, 6
"""Letters of a line of a legend, and those that a marker takes."""
LABEL = 48
"""Letters of a line of a label."""


def numeric_axes(rows: Sequence[Row], axes: Sequence[str]) -> list[str]:
    """Return the axes along which some system has at least two numbers."""
    return [axis for number, axis in enumerate(axes) if len(_numbers(rows, number)) > 1]


@rc_context(AS_WRITTEN)
def plot(rows: Sequence[Row], axes: Sequence[str], axis: str) -> Figure:
    """Draw reward in percent against `axis`: a panel for each environment and split.

    Every system has its colour. Each setting of the other axes is a line with its 95 % intervals
    over seeds. Where there are too many for that, each is a point, and what else it differs in is
    not shown. A system that the axis does not concern is a horizontal line with its interval as a
    band.

    Args:
        rows: Of the whole sweep.
        axes: The names of the rows' values.
        axis: One of them.
    """
    number = list(axes).index(axis)
    lines = _lines(rows, axes, number)
    values = sorted(_numbers(rows, number))
    scattered = max(len(set(lines.values())), len(values)) > MOST
    if scattered:
        lines = {(row.system, row.values): row.system for row in rows}
    figure, panels = _panels(rows)
    for panel, shown in panels:
        count: Counter[str] = Counter()  # of the lines of a system so far
        for name in dict.fromkeys(lines.values()):
            line = [row for row in shown if lines[row.system, row.values] == name]
            if line:
                system = line[0].system
                dash = "none" if scattered else DASHES[count[system] % len(DASHES)]
                _draw(panel, line, number, name, dash)
                count[system] += 1
        panel.set(xlabel=axis, ylabel="reward, %")
        if not scattered:
            panel.set_xticks(values)
        panel.grid(alpha=0.5)
    labelled = {
        label: handle
        for panel, _ in panels
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    labels = [fill(label, LEGEND - MARKER) for label in labelled]
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    columns = max(1, min(4, LEGEND // (longest + MARKER)))
    figure.legend(
        labelled.values(), labels, loc="outside lower center", ncols=columns, frameon=False
    )
    return figure


@rc_context(AS_WRITTEN)
def plot_systems(rows: Sequence[Row], axes: Sequence[str]) -> Figure:
    """Draw reward in percent of every system and setting: a panel for each environment and split.

    Args:
        rows: Of the whole sweep.
        axes: The names of the rows' values.
    """
    lines = _lines(rows, axes)
    names = list(dict.fromkeys(lines.values()))
    labels = [fill(name, LABEL) for name in names]
    height = 0.2 * sum(1 + label.count("\n") for label in labels) + 0.15 * len(names) + 1.0
    figure, panels = _panels(rows, height, sharey=True)
    for panel, shown in panels:
        for row in shown:
            below, above = _bounds(row)
            style = style_of(row.system)
            panel.errorbar(
                *(100 * row.reward, names.index(lines[row.system, row.values])),
                xerr=[[below], [above]],
                fmt=style.marker,
                color=style.light,
                capsize=3,
            )
        panel.set(xlabel="reward, %", ylim=(len(names) - 0.5, -0.5))
        panel.set_yticks(range(len(names)), labels)
        panel.grid(alpha=0.5)
    return figure


def _panels(
    rows: Sequence[Row], height: float = 3.4, *, sharey: bool = False
) -> tuple[Figure, list[tuple[Axes, list[Row]]]]:
    """Return a figure and its panels, each with the rows of its environment and split."""
    named = list(dict.fromkeys((row.env, row.split) for row in rows))
    columns = min(2 if len(named) == 4 else PANELS_A_ROW, len(named))
    lines = -(-len(named) // columns)
    figure = Figure(figsize=(WIDTH, height * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=sharey).ravel()
    for unused in grid[len(named) :]:
        unused.remove()
    panels = []
    for panel, (env, split) in zip(grid, named, strict=False):
        panel.set_title(f"{env}, {split}", fontsize="medium")
        panels.append((panel, [row for row in rows if (row.env, row.split) == (env, split)]))
    return figure, panels


def _draw(panel: Axes, line: Sequence[Row], number: int, name: str, dash: str) -> None:
    style = style_of(line[0].system)
    look: dict[str, Any] = {"color": style.light, "label": name}
    varied = sorted(
        (row for row in line if _is_number(row.values[number])), key=lambda row: row.values[number]
    )
    if varied:
        panel.errorbar(
            [row.values[number] for row in varied],
            [100 * row.reward for row in varied],
            yerr=list(zip(*map(_bounds, varied), strict=True)),
            marker=style.marker,
            linestyle=dash,
            capsize=3,
            **look,
        )
    for row in line:
        if row.values[number] is None:
            panel.axhline(100 * row.reward, linestyle="--", linewidth=1.2, **look)
            below, above = _bounds(row)
            bounds = 100 * row.reward - below, 100 * row.reward + above
            panel.axhspan(*bounds, color=style.light, alpha=0.12, linewidth=0)


def _bounds(row: Row) -> tuple[float, float]:
    """Return how far the interval goes below and above the reward, in percent."""
    if row.low is None or row.high is None:
        return 0.0, 0.0
    return 100 * (row.reward - row.low), 100 * (row.high - row.reward)


def _numbers(rows: Sequence[Row], number: int) -> set[float]:
    return {row.values[number] for row in rows if _is_number(row.values[number])}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lines(
    rows: Sequence[Row], axes: Sequence[str], number: int | None = None
) -> dict[tuple[str, tuple[Any, ...]], str]:
    """Name every system with its settings except for the axis of that number."""
    texts = [_short([value_text(row.values[index]) for row in rows]) for index in range(len(axes))]
    found = {}
    for row in rows:
        others = (
            f"{_key(axis)}={texts[index][value_text(value)]}"
            for index, (axis, value) in enumerate(zip(axes, row.values, strict=True))
            if index != number and value is not None
        )
        found[row.system, row.values] = ", ".join([row.system, *others])
    return found


def _key(axis: str) -> str:
    return axis.removeprefix("method.").removeprefix("model.").removesuffix(".name")


def _short(values: Sequence[str]) -> Mapping[str, str]:
    """Shorten paths and ids of models to their last part, unless two would be the same."""
    whole = list(dict.fromkeys(values))
    last = [value.rsplit("/", 1)[-1] for value in whole]
    return dict(zip(whole, last if len({*last}) == len(whole) else whole, strict=True))
