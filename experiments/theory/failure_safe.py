"""Give TreeDPO trees that say nothing, or nothing true, and compare it with strong SFT.

    python experiments/theory/failure_safe.py         # seeds 0 to 4
    python experiments/theory/failure_safe.py seed=0 debug=smoke

Arguments are overrides of the configuration. What the store has is not computed again. Writes
failure_safe.json and failure_safe.md beside this file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tratree.composition import compose_config
from tratree.config import Config
from tratree.evaluation.power import holm, smallest_difference
from tratree.evaluation.seeds import over_seeds, paired
from tratree.report.render_table import markdown_table
from tratree.report.table import p_text
from tratree.runs.run import open_store
from tratree.runs.starts import origin, this_start
from tratree.stages.evaluate import evaluate_stage
from tratree.stages.file_names import EPISODES, METRICS
from tratree.stages.methods import explored, pairs_dpo, sft_strong
from tratree.stages.pairs import PAIRS, pairs_stage
from tratree.stages.training import read_report
from tratree.stages.training_settings import ADAPTER
from tratree.stages.trees import trees_stage
from tratree.store.progress import Progress
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.types import Trajectory

HERE = Path(__file__).resolve().parent
WEIGHTS = "adapter_model.safetensors"


def _scored(trajectory: Trajectory, score: float, *, success: bool) -> Trajectory:
    return replace(trajectory, score=score, success=success)


def failures(explored: Sequence[Trajectory], seed: int) -> list[Trajectory]:
    """Let every trajectory fail."""
    return [_scored(t, 0.0, success=False) for t in explored]


def successes(explored: Sequence[Trajectory], seed: int) -> list[Trajectory]:
    """Let every trajectory succeed."""
    return [_scored(t, 1.0, success=True) for t in explored]


def collapsed(explored: Sequence[Trajectory], seed: int) -> list[Trajectory]:
    """Let the explorer do the same in all attempts at a task as in the first."""
    by_task = (list(group) for _, group in groupby(explored, key=lambda t: t.task.task_id))
    return [replace(of_task[0], sample=t.sample) for of_task in by_task for t in of_task]


def random_scores(explored: Sequence[Trajectory], seed: int) -> list[Trajectory]:
    """Deal out the scores of all trajectories again: the same number of successes, at random."""
    order = np.random.default_rng([seed, 1]).permutation(len(explored))
    return [
        _scored(t, explored[other].score, success=explored[other].success)
        for t, other in zip(explored, order, strict=True)
    ]


CASES: Mapping[str, Callable[[Sequence[Trajectory], int], list[Trajectory]]] = MappingProxyType(
    {
        "failures": failures,
        "successes": successes,
        "collapsed": collapsed,
        "random_scores": random_scores,
        "true_scores": lambda explored, _: list(explored),
    }
)


@dataclass(frozen=True)
class Outcome:
    """TreeDPO's results on the trees of one case.

    Attributes:
        case: Name in `CASES`.
        seed: Of the run.
        pairs: Number of pairs that the trees have.
        steps: Number of steps that were trained.
        unchanged: Whether the weights are those of strong SFT, bit for bit.
        reward: Mean reward on each split.
        sft: Likewise of strong SFT.
    """

    case: str
    seed: int
    pairs: int
    steps: int
    unchanged: bool
    reward: dict[str, float]
    sft: dict[str, float]


def altered(config: Config, case: str) -> Stage:
    """Return the weak model's exploration as `case` alters it."""
    settings = {"case": case, "seed": config.seed}
    return Stage("alter", settings, _alter, {"explored": explored(config)}, label=case)


def _alter(job: Job) -> None:
    before = read_trajectories(job.inputs["explored"] / EPISODES)
    write_trajectories(
        job.folder / EPISODES, CASES[job.settings["case"]](before, job.settings["seed"])
    )


def measure(config: Config, case: str) -> Outcome:
    """Train and evaluate TreeDPO on the trees of a case.

    Weights that stayed those of strong SFT, bit for bit, play as they do and are not played again.
    """
    store = open_store(config, Progress())
    pairs = pairs_stage(config, trees_stage(config, altered(config, case)))
    trained, strong = pairs_dpo(config, pairs), sft_strong(config)
    weights = [
        (store.ensure(stage) / ADAPTER / WEIGHTS).read_bytes() for stage in (trained, strong)
    ]
    rewards = []
    unchanged = weights[0] == weights[1]
    for name, stage in ((case, strong if unchanged else trained), ("sft_strong", strong)):
        folder = store.ensure(evaluate_stage(config, name, stage))
        metrics = json.loads((folder / METRICS).read_text("utf-8"))
        rewards.append({split: found["reward"]["mean"] for split, found in metrics.items()})
    return Outcome(
        case,
        config.seed,
        len((store.ensure(pairs) / PAIRS).read_text("utf-8").splitlines()),
        read_report(store.ensure(trained)).steps,
        unchanged,
        *rewards,
    )


def table(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Return one row for each case and split, over seeds."""
    rows, p_values = [], []
    for case in dict.fromkeys(outcome.case for outcome in outcomes):
        chosen = [outcome for outcome in outcomes if outcome.case == case]
        pairs, steps = (
            f"{np.mean([getattr(outcome, name) for outcome in chosen]):.0f}"
            for name in ("pairs", "steps")
        )
        same = f"{sum(outcome.unchanged for outcome in chosen)} of {len(chosen)}"
        for split in chosen[0].reward:
            ours = [100 * outcome.reward[split] for outcome in chosen]
            theirs = [100 * outcome.sft[split] for outcome in chosen]
            differences = [a - b for a, b in zip(ours, theirs, strict=True)]
            means = (over_seeds(values) for values in (ours, theirs, differences))
            cells = [
                f"{m:.1f}" + ("" if low is None else f" ± {m - low:.1f}") for m, low, _ in means
            ]
            p_values.append(paired(differences)[2])
            found = smallest_difference(float(np.std(differences, ddof=1)), len(differences))
            detectable = "" if p_values[-1] is None or found is None else f"{found:.1f}"
            rows.append([case, split, str(len(chosen)), pairs, steps, same, *cells, detectable])
    header = ["trees", "split", "seeds", "pairs", "steps", "weights of SFT", "reward", "SFT"]
    header += ["difference", "detectable", "p", "p (Holm)"]
    tests = zip(p_values, holm(p_values), strict=True)
    tested = [[p_text(p) for p in both] for both in tests]
    return [header, *([*row, *texts] for row, texts in zip(rows, tested, strict=True))]


def main() -> None:
    """Measure every case with every seed and write the table."""
    overrides = ["method=tree_dpo", *sys.argv[1:]]
    seeded = any(override.startswith("seed=") for override in overrides)
    seeds = [[]] if seeded else [[f"seed={seed}"] for seed in range(5)]
    configs = [compose_config([*overrides, *seed]) for seed in seeds]
    outcomes = [measure(config, case) for config in configs for case in CASES]
    document = json.dumps([asdict(outcome) for outcome in outcomes], indent=2)
    (HERE / "failure_safe.json").write_text(document + "\n", encoding="utf-8")
    page = markdown_table(table(outcomes))
    command = " ".join(["python experiments/theory/failure_safe.py", *sys.argv[1:]])
    note = (
        f"`{command}`; {origin([this_start()])}. "
        "Reward in percent, mean over seeds ± half of the 95 % interval; p of the paired t-test "
        "against strong SFT, and after Holm's correction for all tests of this table; detectable "
        "is the smallest difference that this number of seeds shows with a power of 80 %."
    )
    (HERE / "failure_safe.md").write_text(f"{page}\n\n{note}\n", encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
