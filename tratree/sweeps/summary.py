"""A sweep for people: Markdown, CSV, plots, and all of it in one HTML page."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from tratree.errors import UserError
from tratree.report.html import EQUAL_BYTES, html_figure, render_page, svg
from tratree.report.render_table import Table, markdown_table
from tratree.report.table import p_text
from tratree.sweeps.measurements import Measurement, coinciding, hidden_axes, measurements
from tratree.sweeps.plots import numeric_axes, plot, plot_systems
from tratree.sweeps.points import Point, axes, newest_last
from tratree.sweeps.rows import Row, rows, value_text
from tratree.words import counted

NOTE = (
    "Mean over seeds [95 % interval, Student's t]; reward is in percent of the highest score. "
    "sd is the standard deviation over seeds. The difference to sft_strong is paired by seed, with "
    "its 95 % interval and the p-value of the paired t-test; p (Holm) is corrected for all "
    "comparisons of this table. The interval over seeds and tasks is of the same difference, by "
    "resampling both (percentile bootstrap): where the rewards of tasks were kept of some seeds "
    "only, with that many; empty where of less than two. Detectable is the smallest difference "
    "that this number of seeds shows with a power of 80 % at the level 0.05, uncorrected. "
    "Gap to strong is the share of the gap between the weak and the strong model after SFT that a "
    "system recovers: 1 is strong SFT, not a ceiling; it is a mean of ratios, one a seed, and says "
    "nothing where the gap is small. Gap to ceiling is the same share of the gap to the system "
    "ceiling, after Burns et al. (2023), over the seeds for which the sweep has it. "
    "– marks a setting that does not matter to a system: one evaluation serves all its values."
)
REPLICATED = (
    "The same configuration and seed, measured again. Tables have the newest measurement; these "
    "earlier ones are in no number of seeds. The difference is the newest reward less theirs, in "
    "points."
)

EQUAL = "Success and finished are equal to reward here."

PAGE = "sweep.html"
REPORT = "report.html"
NOT_BRIEF = ("tasks", "sd", "over seeds and tasks", "p", "detectable", "finished %", "steps")
"""The figures that the table on a screen leaves out."""

FIGURES = (
    *("seeds", "tasks", "reward", "sd", "to sft_strong", "over seeds and tasks"),
    *("p", "p (Holm)", "detectable", "success %", "finished %", "steps", "gap to strong"),
    "gap to ceiling",
)


@dataclass(frozen=True)
class Summary:
    """Everything there is to say about a sweep."""

    points: Sequence[Point]
    axes: Sequence[str]
    rows: Sequence[Row]
    coinciding: Sequence[tuple[str, ...]]
    measured: Sequence[Measurement] = ()

    @cached_property
    def counted(self) -> Sequence[Point]:
        """The points, each once: one that is done if there is, else the newest."""
        ordered = sorted(newest_last(self.points), key=lambda point: point.status == "done")
        chosen = {id(point) for point in {point.identity: point for point in ordered}.values()}
        return [point for point in self.points if id(point) in chosen]

    @property
    def state(self) -> str:
        """Numbers of points done, failed and unfinished; duplicates count once."""
        count = {
            status: sum(point.status == status for point in self.counted)
            for status in ("done", "failed", "unfinished")
        }
        return ", ".join(f"{number} {status}" for status, number in count.items())

    def table(self) -> Table:
        """The figures; gap to ceiling only where the sweep has a ceiling."""
        header = ["env", "split", "system", *self.axes, *FIGURES]
        whole = [header, *([*_names(row), *_figures(row)] for row in self.rows)]
        has_ceiling = any(row.pgr_ceiling is not None for row in self.rows)
        return whole if has_ceiling else [line[:-1] for line in whole]

    def problems(self) -> Table:
        """The points without results."""
        return [
            ["point", "settings", "status"],
            *(
                [point.name, point.description, point.failure or point.status]
                for point in self.counted
                if point.status != "done"
            ),
        ]

    @property
    def equal(self) -> bool:
        """Whether reward, success and finished are the same everywhere, as in ALFWorld."""
        return all(row.reward == row.success == row.finished for row in self.rows)

    def shown(self) -> Table:
        """The figures without columns that are empty, as several are of a single seed, or equal."""
        whole = self.table()
        kept = [n for n, column in enumerate(zip(*whole, strict=True)) if any(column[1:])]
        kept = [n for n in kept if not (self.equal and whole[0][n] in ("success %", "finished %"))]
        return [[line[n] for n in kept] for line in whole] if kept else whole

    def brief(self) -> Table:
        """The figures that fit on a screen."""
        whole = self.shown()
        kept = [n for n, name in enumerate(whole[0]) if name not in NOT_BRIEF]
        return [[line[n] for n in kept] for line in whole]

    def all_points(self, folder: Path) -> Table:
        """Every point with a link to its report, or else its folder, from a page in `folder`."""
        rows = [["point", "settings", "status"]]
        for point in self.counted:
            name: str = point.name
            if point.folder.is_dir():
                page = point.folder / REPORT
                place = os.path.relpath(page if page.is_file() else point.folder, folder.resolve())
                address = quote(Path(place).as_posix())
                name = Markup('<a href="{}">{}</a>').format(address, point.name)
            rows.append([name, point.description, point.failure or point.status])
        return rows

    def replications(self) -> Table:
        """Repeated measurements: a line for each system, setting and origin."""
        lines: dict[tuple[str, ...], list[tuple[int, float]]] = {}
        for m in self.measured:
            for again in m.replications:
                values = ("–" if value is None else str(value) for value in m.values)
                key = (m.env, m.split, m.system, *values, m.origin, again.origin)
                found = m.seed, m.figures["reward"] - again.reward
                lines.setdefault(key, []).append(found)
        header = ["env", "split", "system", *self.axes, "in the table", "measured before"]
        return [
            [*header, "seeds", "difference"],
            *(
                [
                    *key,
                    ", ".join(str(seed) for seed, _ in found),
                    ", ".join(dict.fromkeys(f"{100 * difference:+.1f}" for _, difference in found)),
                ]
                for key, found in lines.items()
            ),
        ]

    def plots(self) -> dict[str, Figure]:
        """A plot for each axis with numbers, by its name; of the systems where there is none."""
        found = numeric_axes(self.rows, self.axes)
        if self.rows and not found:
            return {"systems": plot_systems(self.rows, self.axes)}
        return {axis: plot(self.rows, self.axes, axis) for axis in found}


def summarize_points(points: Sequence[Point]) -> Summary:
    """Work out the summary of a sweep."""
    varied = axes(points)
    measured = measurements(points, varied)
    if hidden := [key for key in hidden_axes(measured, points) if key not in varied]:
        varied = [*varied, *hidden]
        measured = measurements(points, varied)
    return Summary(points, varied, rows(measured), coinciding(measured, points), measured)


def write_summary(summary: Summary, folder: Path, title: str) -> None:
    """Write ``sweep.csv``, ``sweep.md``, ``sweep.html``, and each plot as PNG and SVG.

    Raises:
        UserError: If the folder can't be written.
    """
    plots = summary.plots()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (
            ("sweep.csv", _csv(summary)),
            ("sweep.md", _markdown(summary, title)),
            (PAGE, _page(summary, title, plots, folder)),
        ):
            (folder / name).write_text(content, encoding="utf-8")
        for axis, figure in plots.items():
            (folder / f"reward_{axis}.svg").write_text(svg(figure), encoding="utf-8")
            with rc_context(EQUAL_BYTES):
                figure.savefig(folder / f"reward_{axis}.png", dpi=160)
    except OSError as error:
        raise UserError(f"cannot write {folder} ({error.strerror}): set --out FOLDER") from error


def replications_in_markdown(summary: Summary) -> list[str]:
    """Return the section on what was measured more than once; nothing if nothing was."""
    table = summary.replications()
    return ["## Replications", REPLICATED, markdown_table(table)] if len(table) > 1 else []


def _names(row: Row) -> list[str]:
    values = ("–" if value is None else value_text(value) for value in row.values)
    return [row.env, row.split, row.system, *values]


def _figures(row: Row) -> list[str]:
    reward = f"{100 * row.reward:.1f}"
    if row.low is not None and row.high is not None:
        reward += f" [{100 * row.low:.1f}, {100 * row.high:.1f}]"
    deviation = "" if row.deviation is None else f"{100 * row.deviation:.1f}"
    gaps = ["" if gap is None else f"{gap:.2f}" for gap in (row.pgr, row.pgr_ceiling)]
    if row.pgr_ceiling is not None and row.ceiling_seeds != row.seeds:
        gaps[1] += f" ({counted(row.ceiling_seeds, 'seed')})"
    difference = "" if row.difference is None else f"{100 * row.difference:+.1f}"
    if row.difference_half is not None:
        difference += f" ± {100 * row.difference_half:.1f}"
    both = ""
    if row.both_low is not None and row.both_high is not None:
        both = f"[{100 * row.both_low:+.1f}, {100 * row.both_high:+.1f}]"
        both += "" if row.both_seeds == row.seeds else f" ({counted(row.both_seeds, 'seed')})"
    detectable = "" if row.detectable is None else f"{100 * row.detectable:.1f}"
    shares = (f"{100 * share:.1f}" for share in (row.success, row.finished))
    tasks = "" if row.tasks is None else str(row.tasks)
    compared = [difference, both, p_text(row.p), p_text(row.p_holm), detectable]
    return [
        *(str(row.seeds), tasks, reward, deviation, *compared, *shares, f"{row.steps:.1f}", *gaps)
    ]


def _csv(summary: Summary) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    figures = ["seeds", "tasks", "reward", "reward_low", "reward_high", "deviation"]
    figures += ["difference", "difference_half", "both_seeds", "both_low", "both_high"]
    figures += ["p", "p_holm", "detectable", "success", "finished", "steps", "pgr", "pgr_ceiling"]
    writer.writerow(["env", "split", "system", *summary.axes, *figures])
    for row in summary.rows:
        values = [getattr(row, figure.removeprefix("reward_")) for figure in figures]
        writer.writerow([row.env, row.split, row.system, *row.values, *values])
    return text.getvalue()


def _coincidences(summary: Summary) -> list[str]:
    return [", ".join(group) for group in summary.coinciding]


def _markdown(summary: Summary, title: str) -> str:
    parts = [f"# {title}", f"{counted(len(summary.counted), 'point')}: {summary.state}."]
    if summary.rows:
        parts += [markdown_table(summary.table()), NOTE]
    parts += replications_in_markdown(summary)
    if summary.coinciding:
        same = "\n".join(f"- {line}" for line in _coincidences(summary))
        parts += ["## Points that coincide", same]
    if len(summary.problems()) > 1:
        parts += ["## Points without results", markdown_table(summary.problems())]
    return "\n\n".join(parts) + "\n"


def _page(summary: Summary, title: str, plots: dict[str, Figure], folder: Path) -> str:
    return render_page(
        Path(__file__).with_name("sweep.html"),
        title=title,
        summary=summary,
        figures=[html_figure(figure, f"Reward by {axis}") for axis, figure in plots.items()],
        note=f"{NOTE} {EQUAL}" if summary.equal else NOTE,
        replicated=REPLICATED,
        coinciding=_coincidences(summary),
        points=summary.all_points(folder),
    )
