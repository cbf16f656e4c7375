"""The summary of a sweep: what is counted, what coincides, what is missing."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tratree.cli.summarize import main
from tratree.errors import UserError
from tratree.report.colours import style_of
from tratree.report.html import svg
from tratree.report.render_table import terminal_table
from tratree.sweeps.measurements import Measurement
from tratree.sweeps.plots import plot, plot_systems
from tratree.sweeps.points import Point, axes, find_points
from tratree.sweeps.rows import Row, rows
from tratree.sweeps.summary import Summary, summarize_points, write_summary


def write_point(folder: Path, overrides: dict[str, Any], **files: Any) -> None:
    """Write what Hydra and a run leave of a point."""
    (folder / ".hydra").mkdir(parents=True)
    method = overrides.get("method", "mcts")
    config = {
        "seed": overrides.get("seed", 0),
        "method": {"name": method, "beta": overrides.get("method.beta", 0.1)},
    }
    if "evaluation.splits" in overrides:
        config["evaluation"] = {"splits": overrides["evaluation.splits"]}
    task = [f"{key}={value}" for key, value in overrides.items()]
    choices = {"method": method, "env": "alfworld"}
    hydra = {"hydra": {"overrides": {"task": task}, "runtime": {"choices": choices}}}
    (folder / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(hydra))
    for name, document in files.items():
        (folder / f"{name}.json").write_text(json.dumps(document))


def finished(method: str, seed: int, key: str, reward: float) -> dict[str, Any]:
    """Return the files of a point that is done; `key` is that of the method's evaluation."""

    def figures(mean: float) -> dict[str, Any]:
        estimate = {"mean": mean, "low": mean, "high": mean}
        measured = dict.fromkeys(("reward", "success", "finished", "steps"), estimate)
        return {"test": {"episodes": 9, "tasks": 9, **measured}}

    stages = {"evaluate sft_strong": f"evaluate/strong-{seed}", f"evaluate {method}": key}
    results = {
        **{"env": "alfworld", "method": method, "seed": seed},
        "systems": {"sft_strong": figures(0.3), method: figures(reward)},
    }
    return {"stages": {"store": "s", "stages": stages}, "results": results}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """β for TreeDPO and, without effect, for MCTS; the largest β has failed or not begun."""
    number = 0
    for method in ("mcts", "tree_dpo"):
        for beta in (0.1, 0.5, 0.9):
            for seed in (0, 1):
                folder = tmp_path / "sweep" / str(number)
                number += 1
                overrides = {"method": method, "method.beta": beta, "seed": seed, "store": "s"}
                if beta == 0.9:
                    failed = {"failure": {"overrides": "", "reason": "a <b> reason"}}
                    write_point(folder, overrides, **(failed if seed else {}))
                    continue
                key = f"{method}-{seed}" + (f"-{beta}" if method == "tree_dpo" else "")
                reward = 0.5 + 0.1 * seed - (beta / 10 if method == "tree_dpo" else 0)
                write_point(folder, overrides, **finished(method, seed, key, reward))
    return tmp_path / "sweep"


def test_axes_are_what_the_points_differ_in(sweep: Path) -> None:
    points = find_points([sweep])
    assert [point.name for point in points] == [str(number) for number in range(12)]
    assert axes(points) == ["method.beta"]


def test_an_axis_without_effect_does_not_multiply_rows(sweep: Path) -> None:
    summary = summarize_points(find_points([sweep]))
    rows = {(row.system, row.values): row for row in summary.rows}
    assert set(rows) == {
        ("sft_strong", (None,)),
        ("mcts", (None,)),
        ("tree_dpo", (0.1,)),
        ("tree_dpo", (0.5,)),
    }
    assert {row.seeds for row in rows.values()} == {2}
    assert rows["mcts", (None,)].reward == pytest.approx(0.55)
    assert rows["tree_dpo", (0.5,)].reward == pytest.approx(0.5)
    assert summary.coinciding == [("0", "2"), ("1", "3")]


def test_lists_are_values_of_an_axis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = [["test"], ["test", "seen"]]
    for number, value in enumerate(values):
        overrides = {"method": "mcts", "evaluation.splits": value, "seed": 0, "store": "s"}
        point = finished("mcts", 0, f"mcts-{number}", 0.5 + number / 10)
        write_point(tmp_path / "sweep" / str(number), overrides, **point)
    summary = summarize_points(find_points([tmp_path / "sweep"]))
    shown = {row.values for row in summary.rows if row.system == "mcts"}
    assert shown == {('["test"]',), ('["test", "seen"]',)}
    main([str(tmp_path / "sweep")])
    assert '["test", "seen"]' in capsys.readouterr().out


def test_a_seed_with_a_single_value_joins_those_that_show_it_has_no_effect(sweep: Path) -> None:
    for method in ("mcts", "tree_dpo"):
        overrides = {"method": method, "method.beta": 0.1, "seed": 2}
        point = finished(method, 2, f"{method}-2", 0.6)
        write_point(sweep / f"{method}-2", overrides, **point)
    summary = summarize_points(find_points([sweep]))
    assert {(row.system, row.values): row.seeds for row in summary.rows} == {
        ("sft_strong", (None,)): 3,
        ("mcts", (None,)): 3,
        ("tree_dpo", (0.1,)): 3,
        ("tree_dpo", (0.5,)): 2,
    }


def test_the_difference_is_to_the_strong_model_of_the_same_seed(sweep: Path) -> None:
    rows = {row.system: row for row in summarize_points(find_points([sweep])).rows}
    assert rows["mcts"].difference == pytest.approx(0.55 - 0.3)
    assert rows["sft_strong"].difference is None


def test_no_p_value_of_a_sweep_is_zero() -> None:
    sure = row("mcts", differences=[0.1, 0.1001, 0.1002, 0.1003])
    assert sure.p is not None
    assert 0 < sure.p < 1e-6
    (header, line) = Summary((), (), [sure], ()).table()
    assert line[header.index("p")] == "<0.0001"


def measured(
    beta: float, seed: int, *, day: int = 1, reward: float = 0.5, method: str = "tree_dpo"
) -> Point:
    """Return a point that was measured on one of the days of a month, each with its own code."""
    key = f"evaluate/{method}-{seed}-{beta}-{day}"
    files = finished(method, seed, key, reward)
    files["stages"]["stages"]["evaluate sft_strong"] += f"-{day}"
    return Point(
        name=f"{day}/{method}-{seed}-{beta}",
        folder=Path("gone"),
        settings={"seed": seed, "method": {"name": method, "beta": beta}},
        choices={"method": method},
        overrides={"method": method, "method.beta": str(beta), "seed": str(seed)},
        stages=files["stages"]["stages"],
        results=files["results"],
        failure=None,
        starts=[{"time": f"2026-11-{day:02}", "commit": f"{day}" * 7, "machine": "a machine"}],
    )


def test_gap_to_ceiling_is_measured_over_the_seeds_that_have_one() -> None:
    points = [measured(0.1, 0), measured(0.1, 1), measured(0.1, 0, method="ceiling", reward=0.9)]
    for point in points:
        systems = point.results["systems"]  # type: ignore[index]
        low = dict.fromkeys(("mean", "low", "high"), 0.1)
        systems["sft_weak"] = {"test": {**systems["sft_strong"]["test"], "reward": low}}
    header, *lines = summarize_points(points).table()
    gaps = {line[header.index("system")]: line[header.index("gap to ceiling")] for line in lines}
    assert gaps["tree_dpo"] == "0.50 (1 seed)"  # (0.5 - 0.1) / (0.9 - 0.1)
    assert gaps["sft_strong"] == "0.25 (1 seed)"
    assert gaps["sft_weak"] == gaps["ceiling"] == ""
    # A second ceiling above the same models: which one is meant is open.
    points.append(measured(0.5, 0, method="ceiling", reward=0.8))
    points[-1].results["systems"]["sft_weak"] = points[0].results["systems"]["sft_weak"]  # type: ignore[index]
    assert "gap to ceiling" not in summarize_points(points).table()[0]


def test_what_is_measured_again_is_a_replication_and_the_newest_counts() -> None:
    points = [
        measured(0.1, 0, day=3, reward=0.6),
        *(measured(0.1, seed, day=2, reward=0.5 + 0.1 * seed) for seed in (0, 1)),
        measured(0.1, 0, day=1, reward=0.45),
    ]
    summary = summarize_points(points)
    found = {row.system: row for row in summary.rows}
    assert (found["tree_dpo"].seeds, found["sft_strong"].seeds) == (2, 2)
    assert found["tree_dpo"].reward == pytest.approx(0.6)
    assert summary.state == "2 done, 0 failed, 0 unfinished"
    assert summary.coinciding == []
    assert summary.replications()[1:] == [
        [*("alfworld", "test", system, "commit 3333333; a machine", before), "0", difference]
        for system, before, difference in (
            ("sft_strong", "commit 1111111; a machine", "+0.0"),
            ("sft_strong", "commit 2222222; a machine", "+0.0"),
            ("tree_dpo", "commit 1111111; a machine", "+15.0"),
            ("tree_dpo", "commit 2222222; a machine", "+10.0"),
        )
    ]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(
            measured,
            st.sampled_from((0.1, 0.5)),
            st.integers(0, 3),
            day=st.integers(1, 9),
            reward=st.sampled_from((0.25, 0.5, 0.75)),
            method=st.sampled_from(("mcts", "tree_dpo")),
        ),
        min_size=1,
        max_size=20,
        unique_by=lambda point: point.name,
    )
)
def test_no_table_counts_a_seed_of_a_configuration_twice(points: list[Point]) -> None:
    seeds: dict[tuple[str, float | None], set[int]] = {}
    for point in points:
        assert point.results is not None
        method, seed = point.results["method"], point.results["seed"]
        beta = point.settings["method"]["beta"] if method == "tree_dpo" else None
        for known_by in ((method, beta), ("sft_strong", None)):
            seeds.setdefault(known_by, set()).add(seed)
    summary = summarize_points(points)
    assert len(summary.rows) == len(seeds)
    number = list(summary.axes).index("method.beta") if summary.axes else None
    for row in summary.rows:
        alone = [beta for system, beta in seeds if system == row.system]
        beta = alone[0] if number is None or len(alone) == 1 else row.values[number]
        assert row.seeds == len(seeds[row.system, beta])
    again = sum(len(m.replications) for m in summary.measured if m.system != "sft_strong")
    counted = sum(row.seeds for row in summary.rows if row.system != "sft_strong")
    assert counted + again == len({(p.stages[f"evaluate {p.results['method']}"]) for p in points})


def test_settings_that_differ_without_an_axis_are_told_apart() -> None:
    points = [measured(0.1, 0), measured(0.1, 0, day=2, reward=0.7)]
    changed = dict(points[1].settings) | {"model": {"preference": {"epochs": 2}}}
    points[1] = replace(points[1], settings=changed)
    summary = summarize_points(points)
    assert list(summary.axes) == ["model.preference.epochs"]
    found = {(row.system, row.values): row for row in summary.rows}
    assert found["tree_dpo", (2,)].reward == pytest.approx(0.7)
    assert {row.seeds for row in summary.rows} == {1}


def test_an_axis_that_a_point_did_not_have_yet_does_not_tell_it_apart() -> None:
    old = {"seed": 0, "method": {"name": "tree_dpo"}, "model": {"preference": {"epochs": 2}}}
    points = [replace(measured(0.1, 0), settings=old), measured(0.5, 0, day=2)]
    assert list(summarize_points(points).axes) == ["method.beta", "model.preference.epochs"]


def test_an_axis_that_follows_another_key_shows_its_value() -> None:
    point = measured(0.1, 0)
    settings = {"epochs": 2, "batch_size": "${.epochs}"}
    point = replace(point, settings={**point.settings, "model": {"preference": settings}})
    assert point.value("model.preference.batch_size") == 2


def test_what_stands_beside_two_baselines_is_compared_with_neither() -> None:
    points = []
    for number, epochs in enumerate((5, 7)):
        point = measured(0.1, 0, day=number + 1, method="sft_weak")
        model = {"strong": {"sft": {"epochs": epochs}}}
        points.append(replace(point, settings=dict(point.settings) | {"model": model}))
    found = {(row.system, row.values): row for row in summarize_points(points).rows}
    assert len(found) == 3
    assert found["sft_weak", (None,)].seeds == 1
    assert found["sft_weak", (None,)].difference is None


def test_every_point_without_results_is_named_with_its_reason(sweep: Path) -> None:
    summary = summarize_points(find_points([sweep]))
    assert summary.state == "8 done, 2 failed, 2 unfinished"
    assert [row[0] for row in summary.problems()[1:]] == ["4", "5", "10", "11"]
    assert summary.problems()[2][2] == "a <b> reason"


def test_the_command_writes_table_plots_and_one_page(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(sweep)])
    out = sweep / "summary"
    assert {path.name for path in out.iterdir()} == {
        *("sweep.csv", "sweep.md", "sweep.html"),
        *("reward_method.beta.png", "reward_method.beta.svg"),
    }
    text = (out / "sweep.md").read_text("utf-8")
    assert "| alfworld | test | tree_dpo | 0.5 | 2 | 9 | 50.0 [0.0, 100.0] | 7.1 |" in text
    assert "| +20.0 ± 63.5 |  | 0.1560 | 0.3770 | 81.7 | 50.0 | 50.0 | 0.5 |" in text
    page = (out / "sweep.html").read_text("utf-8")
    assert "a &lt;b&gt; reason" in page
    assert "<svg role='img'" in page
    assert "tree_dpo" in page
    for link in ("src=", "href='http", "@import", "<script"):
        assert link not in page
    printed = capsys.readouterr().out
    assert "12 points (8 done, 2 failed, 2 unfinished)" in printed
    assert str(out / "sweep.html") in printed
    assert "| --- |" not in printed  # a table for a terminal, not Markdown


def test_every_point_has_a_link_to_its_report_or_else_its_folder(sweep: Path) -> None:
    (sweep / "1" / "report.html").write_text("a report")
    main([str(sweep)])
    page = (sweep / "summary" / "sweep.html").read_text("utf-8")
    links = re.findall(r'<a href="([^"]+)">([^<]+)</a>', page)
    assert [name for _, name in links] == [str(number) for number in range(12)]
    assert dict(links)["../1/report.html"] == "1"
    for address, name in links:
        assert (sweep / "summary" / address).resolve().is_relative_to(sweep / name)


def test_no_interval_leaves_the_scale() -> None:
    wide = [
        Measurement(*("e", "mcts", "test", s, "c", ()), dict(FIGURES_OF, reward=r), None, ())
        for s, r in enumerate((0.0, 1.0))
    ]
    (found,) = rows(wide)
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_system_has_its_colour_and_marker_in_every_plot() -> None:
    table = [row("tree_dpo", value) for value in (0.1, 0.5)] + [row("mcts", None)]
    for drawn in (
        plot(table, ["method.beta"], "method.beta"),
        plot_systems(table, ["method.beta"]),
    ):
        text = svg(drawn)
        assert all(style_of(system).light in text for system in ("tree_dpo", "mcts"))


def test_a_search_is_drawn_as_points_with_one_label_a_system() -> None:
    values = [(0.1 * n, n) for n in range(1, 13)]
    table = [row("tree_dpo", *pair) for pair in values] + [row("sft_strong", None, None)]
    figure = plot(table, ["method.beta", "tree.width"], "method.beta")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "axes sizes collapsed to zero"
        figure.draw_without_rendering()
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {"tree_dpo", "sft_strong"}
    (panel,) = figure.axes
    assert panel.get_position().height * figure.get_size_inches()[1] > 2
    # The legend is outside: it crosses no line.
    box = legend.get_window_extent()
    assert not box.overlaps(panel.get_window_extent())


def test_long_labels_and_numbers_of_a_short_search_are_not_cut() -> None:
    values = [(0.18449530508694167, 6), (0.08247822151743892, 8)]
    table = [row("tree_dpo", *pair, *pair, *pair) for pair in values]
    axes = [f"explore.a_long_name_{n}" for n in range(6)]
    figure = plot(table, axes, axes[1])
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    header, line, _ = Summary((), axes, table, ()).shown()
    assert line[header.index(axes[0])] == "0.1845"
    assert "p" not in header  # of one seed each


def test_without_an_axis_the_systems_are_drawn(tmp_path: Path) -> None:
    for method in ("mcts", "tree_dpo"):
        write_point(tmp_path / method, {"method": method}, **finished(method, 0, method, 0.5))
    write_summary(summarize_points(find_points([tmp_path])), tmp_path / "out", "systems")
    drawn = (tmp_path / "out" / "reward_systems.svg").read_text("utf-8")
    assert all(f">{name}<" in drawn for name in ("sft_strong", "mcts", "tree_dpo"))


FIGURES_OF = dict.fromkeys(("reward", "success", "finished", "steps"), 0.5)


def row(system: str, *values: Any, differences: Sequence[float] = (0.1,)) -> Row:
    """Return a row of a table with a seed for each difference to strong SFT."""
    (found,) = rows(
        [
            Measurement(
                *("alfworld", system, "test", seed, "configuration", values),
                *(FIGURES_OF, difference, (f"{seed}",)),
            )
            for seed, difference in enumerate(differences)
        ]
    )
    return found


def test_long_names_of_models_leave_the_panel_its_width() -> None:
    small, large = ("package:models/of/a/family/" + size for size in ("small", "large"))
    table = [row("sft_strong", None, large), row("mcts", small, large), row("mcts", large, small)]
    figure = plot_systems(table, ["model.weak.name", "model.strong.name"])
    figure.draw_without_rendering()
    (panel,) = figure.axes
    assert [label.get_text() for label in panel.get_yticklabels()] == [
        "sft_strong, strong=large",
        "mcts, weak=small, strong=large",
        "mcts, weak=large, strong=small",
    ]
    assert panel.get_position().width * figure.get_size_inches()[0] > 3


def test_two_models_are_not_shortened_to_the_same_name() -> None:
    table = [row("mcts", "tiny/weak"), row("mcts", "other/weak")]
    (panel,) = plot_systems(table, ["model.weak.name"]).axes
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels == ["mcts, weak=tiny/weak", "mcts, weak=other/weak"]


def test_equal_sweeps_give_equal_bytes(sweep: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_summary(summarize_points(find_points([sweep])), tmp_path / name, "a sweep")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_sweep_that_has_only_begun_has_no_table(tmp_path: Path) -> None:
    write_point(tmp_path / "0", {"seed": 0})
    main([str(tmp_path)])
    assert "0 done, 0 failed, 1 unfinished" in (tmp_path / "summary" / "sweep.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--help"),
        (["nowhere"], "there is no folder nowhere"),
        (["."], "there is no run in"),
        ([".", "--out"], "--help"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        main(arguments)


def test_a_damaged_file_is_named(sweep: Path) -> None:
    (sweep / "0" / "results.json").write_text("{")
    with pytest.raises(UserError, match=r"results\.json is damaged"):
        find_points([sweep])


def test_equal_figures_are_one_column() -> None:
    points = [measured(0.1, seed) for seed in (0, 1)]
    shown = summarize_points(points).shown()[0]
    assert "reward" in shown
    assert not {"success %", "finished %"} & {*shown}
    for split in points[0].results["systems"].values():  # type: ignore[index]
        split["test"]["success"] = dict.fromkeys(("mean", "low", "high"), 0.0)
    assert {"success %", "finished %"} <= {*summarize_points(points).shown()[0]}


def test_the_table_of_a_search_fits_a_narrow_screen() -> None:
    table = [row("tree_dpo", beta, width, width) for beta, width in ((0.18449530508694167, 6),)]
    summary = Summary((), ("method.beta", "tree.width", "explore.trajectories"), table, ())
    console = Console(file=io.StringIO(), width=80)
    console.print(terminal_table(summary.brief(), 80, summary.left_out))
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, said.splitlines())) <= 80
    for name in ("beta", "width", "trajectories", "reward", "sft_strong"):
        assert name in said
    assert "0.1845" in said
