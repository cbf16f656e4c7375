"""The result files of a run."""

import csv
import json
from pathlib import Path

from rich.console import Console

from tratree.report.table import (
    add_gap_recovered,
    p_text,
    print_results,
    readable_rows,
    write_results,
)


def results() -> dict:
    def split(reward: float) -> dict:
        figure = {"mean": reward, "low": reward - 0.1, "high": reward + 0.1}
        steps = {"mean": 12.5, "low": 11.0, "high": 14.0}
        shares = {"reward": figure, "success": figure, "finished": figure}
        kind = {"tasks": 100, "reward": figure, "success": figure}
        return {
            "episodes": 100,
            **shares,
            **{"steps": steps, "invalid_actions": steps, "tokens": steps},
            "task_types": {"pick": kind},
        }

    systems = {
        name: {"unseen": split(reward), "seen": split(reward + 0.1)}
        for name, reward in (("sft_weak", 0.2), ("sft_strong", 0.4), ("mcts", 0.5))
    }
    add_gap_recovered(systems, weak="sft_weak", ceiling="sft_strong")
    pgr = {"weak": "sft_weak", "ceiling": "sft_strong"}
    difference = {"mean": 0.1, "low": -0.05, "high": 0.2}
    test = {"difference": difference, "better": 30, "worse": 20, "p": 0.2}
    compared = {"tasks": 100, "reward": test, "success": test}
    comparisons = {"baseline": "sft_strong", "systems": {"mcts": {"unseen": compared}}}
    return {
        **{"env": "alfworld", "method": "mcts", "seed": 0, "pgr": pgr, "systems": systems},
        "protocol": {"rollout": {"constraint": "none"}},
        "comparisons": comparisons,
    }


def test_gap_recovered_is_added_where_it_is_defined() -> None:
    systems = results()["systems"]
    assert systems["mcts"]["unseen"]["pgr"] == 1.5
    assert "pgr" not in systems["sft_weak"]["unseen"]


def test_files_hold_the_same_numbers(tmp_path: Path) -> None:
    document = results()
    write_results(tmp_path, document)
    assert json.loads((tmp_path / "results.json").read_text("utf-8")) == document
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert len(rows) == 6
    last = rows[-1]
    assert (last["system"], last["split"], last["method"]) == ("mcts", "seen", "mcts")
    assert float(last["success_low"]) == document["systems"]["mcts"]["seen"]["success"]["low"]
    markdown = (tmp_path / "results.md").read_text("utf-8")
    assert "| mcts | unseen | 100 | 50.0 [40.0, 60.0] |" in markdown
    assert "| mcts | unseen | 100 | reward | +10.0 [-5.0, +20.0] | 30 | 20 | 0.2000 |" in markdown
    assert "| unseen | pick | 100 | 20.0 [10.0, 30.0] | 40.0 [30.0, 50.0] | 50.0" in markdown


def test_no_p_value_is_zero(tmp_path: Path) -> None:
    assert [p_text(p) for p in (None, 0.04996, 0.0001, 0.00009, 0.0)] == [
        *("", "0.0500", "0.0001", "<0.0001", "<0.0001"),
    ]
    document = results()
    document["comparisons"]["systems"]["mcts"]["unseen"]["reward"]["p"] = 0.00002
    write_results(tmp_path, document)
    assert "| 30 | 20 | <0.0001 |" in (tmp_path / "results.md").read_text("utf-8")


def test_printed_table_has_every_system() -> None:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_results(results(), console)
    text = console.export_text()
    assert all(name in text for name in ("sft_weak", "sft_strong", "mcts", "12.5 [11.0, 14.0]"))


def printed(document: dict, width: int) -> list[str]:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_results(document, console)
    return console.export_text().splitlines()


def test_a_narrow_table_keeps_names_rewards_and_gaps_whole() -> None:
    document = results()
    for width in (80, 100, 132):
        header, *rows = printed(document, width)[1:8]
        assert header.split()[-1] == "gap"
        assert not any("…" in row for row in rows)
        row = next(row for row in rows if row.startswith("mcts"))
        assert "50.0 [40.0, 60.0]" in row
        assert "+10.0 [-5.0, +20.0]  0.2000" in row
        assert row.split()[-1] == "1.50"
    assert "steps" not in printed(document, 80)[1]
    assert "steps" in printed(document, 132)[1]


def test_a_gap_is_explained_only_where_one_is_shown() -> None:
    document = results()
    assert any("Gap (to strong)" in line for line in printed(document, 132))
    del document["systems"]["mcts"]
    assert not any("Gap (to strong)" in line for line in printed(document, 132))


def test_equal_figures_are_one_column() -> None:
    document = results()
    header = readable_rows(document["systems"])[0]
    assert header == ["system", "split", "episodes", "success %", "steps", "gap to strong"]
    document["systems"]["mcts"]["seen"]["finished"] = {"mean": 1.0, "low": 1.0, "high": 1.0}
    header = readable_rows(document["systems"])[0]
    assert header[3:6] == ["reward", "success %", "finished %"]


def test_the_gap_to_a_ceiling_is_beside_that_to_strong(tmp_path: Path) -> None:
    document = results()
    systems = document["systems"]
    systems["ceiling"] = systems.pop("mcts")
    add_gap_recovered(systems, weak="sft_weak", ceiling="ceiling", key="pgr_ceiling")
    rows = readable_rows(systems)
    assert rows[0][-2:] == ["gap to strong", "gap to ceiling"]
    assert [row[-2:] for row in rows[1::2]] == [["", ""], ["", "0.67"], ["1.50", ""]]
    write_results(tmp_path, document)
    header, *lines = (tmp_path / "results.csv").read_text("utf-8").splitlines()
    assert header.split(",")[-2:] == ["pgr", "pgr_ceiling"]
    assert [line.split(",")[-1] for line in lines[::2]] == ["", "0.666667", ""]


def test_what_must_be_known_is_beside_the_table(tmp_path: Path) -> None:
    document = {**results(), "notes": ["mcts: imitate found nothing to learn from"]}
    assert printed(document, 80)[-1] == "mcts: imitate found nothing to learn from"
    write_results(tmp_path, document)
    assert "**mcts: imitate found nothing" in (tmp_path / "results.md").read_text("utf-8")


def test_a_constraint_is_reported(tmp_path: Path) -> None:
    document = results()
    write_results(tmp_path, document)
    assert "rollout.constraint" not in (tmp_path / "results.md").read_text("utf-8")
    document["protocol"]["rollout"]["constraint"] = "admissible"
    write_results(tmp_path, document)
    assert "only admissible actions" in (tmp_path / "results.md").read_text("utf-8")
