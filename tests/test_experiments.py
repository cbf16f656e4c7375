"""The script that runs and reports every experiment, on sweeps as they are stored."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.distributions import IntDistribution

from experiments import run
from experiments.findings import findings
from experiments.paper import constants
from experiments.tuning import run as tuning
from tests.sweeps.test_summary import finished, write_point
from tratree.composition import compose_config
from tratree.report.render_table import markdown_table
from tratree.sweeps.kept_points import read_points
from tratree.tuning.space import Space
from tratree.tuning.study import Study


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of experiments of which `main_table` has two seeds of two methods."""
    here, sweeps = tmp_path / "experiments", tmp_path / "multirun"
    (here / "main_table").mkdir(parents=True)
    (here / "gap").mkdir()
    marks = (f"<!-- {name} -->\nold\n<!-- end of {name} -->" for name in ("results", "findings"))
    (here / "table.md").write_text("above\n{}\nbetween\n{}\nbelow\n".format(*marks))
    for method in ("mcts", "eto"):
        for seed in (0, 1):
            key = f"evaluate/{method}-{seed}"
            point = sweeps / "main_table" / "all" / f"{method}{seed}"
            files = finished(method, seed, key, 0.5 + 0.1 * seed)
            write_point(point, {"method": method, "seed": seed, "env.games": "few"}, **files)
            for stage in (key, f"evaluate/strong-{seed}"):
                (point / "s" / stage).mkdir(parents=True)
                (point / "s" / stage / "timing.json").write_text('{"seconds": 30}')
    monkeypatch.setattr(run, "HERE", here)
    monkeypatch.setattr(run, "SWEEPS", sweeps)
    return here


def test_the_papers_figures_stand_in_columns_of_their_own(folder: Path) -> None:
    paper = "env,system,reward,success\nalfworld,mcts,57.5,\nwebshop,eto,52.0,97.5\n"
    (folder / "main_table" / "paper.csv").write_text(paper)
    run.report("main_table", without_results=run.keep("main_table"))
    lines = (folder / "main_table" / "results.md").read_text("utf-8").splitlines()
    (header,) = (line for line in lines if line.startswith("| env"))
    assert header.endswith("| gap to strong | paper: reward | paper: success % |")
    rows = {line.split(" | ")[2]: line for line in lines if line.startswith("| alfworld")}
    assert rows.keys() == {"sft_strong", "mcts", "eto"}
    assert rows["mcts"].endswith("|  | 57.5 |  |")
    assert rows["eto"].endswith("|  |  |  |")
    assert "Cost: 3.0 minutes" in "".join(lines)
    assert "`python experiments/run.py main_table env.games=few`; " in lines[2]


def test_results_can_be_written_anew_without_the_runs(folder: Path) -> None:
    run.report("main_table", without_results=run.keep("main_table"))
    files = ("results.md", "results.json", "reward_systems.svg", run.KEPT)
    before = [(folder / "main_table" / name).read_text("utf-8") for name in files]
    for name in files[:-1]:
        (folder / "main_table" / name).unlink()
    shutil.rmtree(run.SWEEPS)
    run.report("main_table", without_results=run.keep("main_table"))
    assert [(folder / "main_table" / name).read_text("utf-8") for name in files] == before


def test_points_measured_later_join_those_that_were_kept(folder: Path) -> None:
    run.report("main_table", without_results=run.keep("main_table"))
    shutil.rmtree(run.SWEEPS)
    point = run.SWEEPS / "main_table" / "later" / "0"
    files = finished("mcts", 2, "evaluate/mcts-2", 0.9)
    write_point(point, {"method": "mcts", "seed": 2, "env.games": "few"}, **files)
    run.report("main_table", without_results=run.keep("main_table"))
    rows = json.loads((folder / "main_table" / "results.json").read_text("utf-8"))["rows"]
    seeds = {row["system"]: row["seeds"] for row in rows}
    assert seeds == {"sft_strong": 3, "mcts": 3, "eto": 2}


def test_points_of_another_checkout_join_and_count_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.report("main_table", without_results=run.keep("main_table"))
    other = folder.parent / "other"
    (other / "experiments").mkdir(parents=True)
    shutil.move(run.SWEEPS, other / "multirun")
    for seed in (1, 2):  # seed 1 again, in other words
        point = other / "multirun" / "main_table" / "again" / f"{seed}"
        files = finished("mcts", seed, f"evaluate/mcts-{seed}-again", 0.9)
        write_point(point, {"seed": seed, "rollout.workers": 1, "method": "mcts"}, **files)
    monkeypatch.setattr(run.sys, "argv", ["run.py", "join", str(other)])
    monkeypatch.setattr(run, "sweep_names", lambda: ["main_table"])
    run.main()
    document = json.loads((folder / "main_table" / "results.json").read_text("utf-8"))
    seeds = {row["system"]: row["seeds"] for row in document["rows"]}
    assert seeds == {"sft_strong": 3, "mcts": 3, "eto": 2}
    text = (folder / "main_table" / "results.md").read_text("utf-8")
    assert "## Replications" in text
    assert "; 5 points: 5 done" in text
    monkeypatch.setattr(run.sys, "argv", ["run.py", "join", str(folder / "nowhere")])
    with pytest.raises(SystemExit, match="other checkouts"):
        run.main()


def test_systems_that_another_experiment_measures_are_in_the_main_table(folder: Path) -> None:
    point = run.SWEEPS / "variants" / "0"
    files = finished("tree_dpo", 0, "evaluate/next-0", 0.7)
    write_point(point, {"method": "tree_dpo", "seed": 0}, **files)
    config = yaml.safe_load((point / ".hydra" / "config.yaml").read_text("utf-8"))
    config["method"] |= {"start": "sft", "continuation": "next_divergence"}
    (point / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "variants").mkdir()
    for name in ("main_table", "variants"):
        run.keep(name)
    run.report("main_table")
    document = json.loads((folder / "main_table" / "results.json").read_text("utf-8"))
    assert {row["system"] for row in document["rows"]} == {"sft_strong", "mcts", "eto", "tree_dpo"}
    assert len((folder / "main_table" / run.KEPT).read_text("utf-8").splitlines()) == 4


KEPT_TABLES = sorted(run.HERE.glob("*/points.jsonl"))


@pytest.mark.parametrize("path", KEPT_TABLES, ids=[path.parent.name for path in KEPT_TABLES])
def test_every_committed_table_counts_each_seed_once(path: Path) -> None:
    """Every n against the points themselves, which are told apart without the table's code."""
    points = [one.point for one in read_points(path)]
    for other, values in run.ALSO.get(path.parent.name, ()):
        of_other = [one.point for one in read_points(run.HERE / other / run.KEPT)]
        points += [p for p in of_other if all(p.value(k) == v for k, v in values.items())]
    seeds: dict[tuple[str, str, str], dict[str, set[int]]] = {}
    for point in points:
        assert point.results is not None
        for system, splits in point.results["systems"].items():
            for split in splits:
                of_system = seeds.setdefault((point.results["env"], system, split), {})
                configuration = point.configurations[system]
                of_system.setdefault(configuration, set()).add(point.value("seed"))
    rows = json.loads((path.parent / "results.json").read_text("utf-8"))["rows"]
    counted: dict[tuple[str, str, str], list[int]] = {}
    for row in rows:
        counted.setdefault((row["env"], row["system"], row["split"]), []).append(row["seeds"])
    assert {key: sorted(found) for key, found in counted.items()} == {
        key: sorted(len(of) for of in found.values()) for key, found in seeds.items()
    }
    assert all(0 <= row["p"] <= row["p_holm"] <= 1 for row in rows if row["p"] is not None)


def test_the_papers_size_has_folders_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[str] = []
    monkeypatch.setattr(run.subprocess, "run", lambda command, **_: swept.extend(command))
    run.sweep("main_table", "paper", ["setting=paper", "seed=0"])
    assert "hydra.sweep.dir=multirun/main_table-paper/setting_paper_seed_0" in swept
    assert run.folders("gap") == (run.SWEEPS / "gap", run.HERE / "gap")
    assert run.folders("gap", "paper") == (run.SWEEPS / "gap-paper", run.HERE / "gap" / "paper")


def test_the_overview_lists_what_is_measured_and_what_is_not(folder: Path) -> None:
    run.report("main_table", without_results=run.keep("main_table"))
    run.report("gap", without_results=run.keep("gap"))
    run.write_overview()
    text = (folder / "table.md").read_text("utf-8")
    assert text.startswith("above\n")
    assert "\nbetween\n" in text
    assert text.endswith("\nbelow\n")
    assert "old" not in text
    assert "| alfworld | test | mcts |  | 2 | 9 | 55.0 [" in text
    assert "| [`gap`](gap/README.md) |  |  |  | not measured yet |" in text
    document = json.loads((folder / "main_table" / "results.json").read_text("utf-8"))
    assert {row["system"] for row in document["rows"]} == {"sft_strong", "mcts", "eto"}


def test_the_overview_lists_what_the_others_found(folder: Path) -> None:
    strong, changed = {"unseen": 0.4, "seen": 0.3}, {"unseen": 0.5, "seen": 0.1}
    files: dict[str, Any] = {
        "theory/bound.json": [
            {"system": "tree_dpo", "largest_constant": constant} for constant in (1.0, 2.0)
        ],
        "theory/failure_safe.json": [
            {"case": case, "reward": reward, "sft": strong, "unchanged": reward == strong}
            for case, reward in (("failures", strong), ("random_scores", changed))
        ],
        "tuning/alfworld/results.json": {
            "best": 1,
            "trials": [
                {"number": number, "values": {"tree.width": number}, "reward": estimate}
                for number, estimate in enumerate((interval(0.3), interval(0.6)))
            ],
            "baselines": {"sft_strong": interval(0.5)},
        },
        "quiet/finding.json": [{"measured": "whether it works", "seeds": 3, "result": "no"}],
    }
    for name, document in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    (folder / "self_score").mkdir()
    (folder / "self_score" / "results.md").write_text(
        "| system | split | success % | against sft_strong, points | p | p (Holm) | detectable |\n"
        "|---|---|---|---|---|---|---|\n"
        "| mcts, score=self | unseen | 36.0 | -11.0 [-18.0, -4.0] | 0.0030 | 0.0060 | 10.0 |\n"
        "| mcts, score=self | seen | 40.5 | -5.5 [-12.5, 2.0] | 0.1800 | 0.1800 | 10.5 |\n"
    )
    run.write_overview()
    lines = (folder / "table.md").read_text("utf-8").split("\nbetween\n")[1].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "](" in line]
    assert [row[0].split("`")[1] for row in rows] == [
        *("quiet", "self_score", "theory", "theory", "theory", "tuning"),
    ]
    assert [row[2:] for row in rows] == [
        ["3", "no"],
        ["1", "-11.0 [-18.0, -4.0], p 0.0030 (Holm 0.0060)"],
        ["2", "1.50 ± 6.35"],
        ["1", "+0.0; strong SFT's weights, bit for bit, in 1 of 1"],
        ["1", "+10.0"],
        ["1", "`tree.width=1` 60.0 [55.0, 65.0]; strong SFT 50.0 [45.0, 55.0]"],
    ]


def interval(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.05, "high": mean + 0.05}


def test_every_experiment_is_in_the_overview() -> None:
    """But `paper`, which measures nothing."""
    folders = {path.parent.name for path in run.HERE.glob("*/README.md")} - {"paper"}
    others = [row[0].split("`")[1] for row in findings(run.HERE)[1:]]
    assert folders == {*run.sweep_names(), *others}
    page = (run.HERE / "table.md").read_text("utf-8")
    assert markdown_table(findings(run.HERE)) in page
    index = (run.HERE / "README.md").read_text("utf-8")
    linked = re.findall(r"^\| \[`(\w+)`\]\(\1/README\.md\)", index, re.MULTILINE)
    assert sorted(linked) == sorted({*folders, "paper"})


def test_every_sweep_has_a_folder_that_says_what_it_asks() -> None:
    names = run.sweep_names()
    assert {"main_table", "ablation", "beta_sweep", "width_sweep", "exploration", "gap"} < {*names}
    for name in names:
        page = (run.HERE / name / "README.md").read_text("utf-8")
        parts = [page.index(f"**{part}.**") for part in ("Question", "Command", "Reading", "Cost")]
        assert parts[:2] == sorted(parts[:2]), name


@pytest.mark.parametrize("name", run.sweep_names())
def test_a_sweep_at_the_papers_size_has_the_papers_models_at_every_point(name: str) -> None:
    page = (run.HERE / name / "README.md").read_text("utf-8")
    (command,) = re.findall(rf"experiments/run\.py {name} (setting=paper [^`\n]*)", page)
    for variable, value in re.findall(r"^([A-Z]+)=(\S+)$", page, re.MULTILINE):
        command = command.replace(f"${variable}", value)
    sweep = yaml.safe_load((run.ROOT / "conf" / "experiment" / f"{name}.yaml").read_text("utf-8"))
    given = dict(override.split("=", 1) for override in command.split())
    axes = {**sweep["hydra"]["sweeper"]["params"], **given}
    for end in (0, -1):
        point = [f"{key}={value.split(',')[end]}" for key, value in axes.items()]
        config = compose_config([f"experiment={name}", *point, "env.prompt.required=false"])
        models = {config.model.weak.name, config.model.strong.name}
        assert all(model.startswith("meta-llama/") for model in models)


@pytest.mark.parametrize("name", run.sweep_names())
def test_a_sweep_shows_its_figure(name: str) -> None:
    page = (run.HERE / name / "README.md").read_text("utf-8")
    (shown,) = re.findall(r"!\[.+\]\((.+\.svg)\)", page)
    assert (run.HERE / name / shown).is_file()


def test_the_report_of_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searches, here = tmp_path / "multirun", tmp_path / "experiments"
    here.mkdir()
    monkeypatch.setattr(tuning, "SEARCHES", searches)
    monkeypatch.setattr(tuning, "HERE", here)
    space = Space({"tree.width": IntDistribution(2, 800)}, {})
    study = Study(searches / "alfworld", space, seed=0, n_startup_trials=5, description={})
    rewards = (0.25, None, 0.5, 0.5)
    for setting, mean in zip(study.ask(4, 4), rewards, strict=True):
        study.tell(setting, mean)
        if mean is not None:
            systems = {"sft_weak": 0.1, "sft_strong": 0.2, "mcts": mean}
            measured = {
                name: {"development": {"reward": {"mean": m, "low": m - 0.05, "high": m + 0.05}}}
                for name, m in systems.items()
            }
            run_folder = searches / "alfworld" / str(setting.number) / "seed0"
            run_folder.mkdir(parents=True)
            document = {"method": "mcts", "systems": measured}
            (run_folder / "results.json").write_text(json.dumps(document))
    tuning.report("alfworld", ["debug=smoke"])
    text = (here / "alfworld" / "results.md").read_text("utf-8")
    width = next(s for s in study.results() if s.number == 2).values["tree.width"]
    assert f"The best is trial 2, `tree.width={width}`: reward 50.0 [45.0, 55.0]. " in text
    assert "sft_weak 10.0 [5.0, 15.0], sft_strong 20.0 [15.0, 25.0]" in text
    assert f"| 2 | {width} | 50.0 [45.0, 55.0] |" in text
    assert "`python experiments/tuning/run.py env=alfworld debug=smoke`; " in text
    trials = json.loads((here / "alfworld" / "results.json").read_text("utf-8"))["trials"]
    assert [trial["number"] for trial in trials] == [0, 2, 3]
    figure = (here / "alfworld" / "search.svg").read_text("utf-8")
    assert all(label in figure for label in ("best so far", "tree.width", "reward, %"))


def test_an_unknown_experiment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["run.py", "magic"])
    with pytest.raises(SystemExit, match="magic is not an experiment"):
        run.main()


def test_the_constants_of_paper_and_code_are_set_as_their_sources_say() -> None:
    page = markdown_table(constants.table())
    print(page)
    assert page in (run.HERE / "paper" / "README.md").read_text("utf-8")


def test_a_constant_of_one_environment_is_read_from_that_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {row[0]: row for row in constants.table()}
    limits = {env: rows[f"env.max_steps (env={env})"][4] for env in ("alfworld", "webshop")}
    assert limits == {"alfworld": "40", "webshop": "10"}
    wrong = tmp_path / "constants.csv"
    wrong.write_text("key,paper,authors,ETO,ours,ours\nenv.max_steps (env=webshop),,,,40,10\n")
    monkeypatch.setattr(constants, "EXPECTED", wrong)
    with pytest.raises(ValueError, match=r"env\.max_steps \(env=webshop\) is 10, not 40"):
        constants.table()
