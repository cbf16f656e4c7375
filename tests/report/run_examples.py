"""Runs for the tests of their page: a finished one, one that has only begun, a hostile one."""

from __future__ import annotations

from dataclasses import replace

from tratree.report.run_page import RunRecord, StageRecord
from tratree.trajectory.types import Step, Task, Trajectory
from tratree.tree.merge import build_tree
from tratree.tree.similarity import ExactText

ATTACK = "</script><script>document.title='attacked'</script><img src=x onerror=alert(1)> $data"
SYSTEMS = ("sft_weak", "sft_strong", "mcts")


def episode(name: str, *actions: str, score: float, split: str = "test") -> Trajectory:
    """Return an episode with a step for each action."""
    steps = tuple(Step(f"think of {a}", a, f"You {a}.") for a in actions)
    task = Task(name, split, "pick", f"do {name}")
    return Trajectory(task, f"{name} begins.", steps, score, score == 1, score == 1)


def figures(mean: float) -> dict:
    """Return figures of one system on one split."""
    estimate = {"mean": mean, "low": mean / 2, "high": (1 + mean) / 2}
    kinds = {"pick": {"tasks": 3, "reward": estimate}}
    named = dict.fromkeys(("reward", "success", "finished", "steps"), estimate)
    return {"episodes": 3, **named, "task_types": kinds}


def comparisons() -> dict:
    """Return all systems compared with strong SFT."""
    found = {
        **{"difference": {"mean": 0.25, "low": -0.125, "high": 0.5}, "better": 2, "worse": 1},
        **{"p": 0.03, "p_holm": 0.06, "detectable": None},
    }
    compared = {"test": {"tasks": 3, "reward": found, "success": found}}
    return {"baseline": "sft_strong", "systems": {"mcts": compared}}


def finished_run() -> RunRecord:
    """All systems solve ``easy``, only the last one ``hard``, and on ``same`` all go one way."""
    episodes = {
        system: [
            episode("easy", *["look"] * index, "take", score=1.0),
            episode("same", "look", "wait", score=0.0),
            episode("hard", "go", "take" if system == "mcts" else "wait", score=float(index == 2)),
        ]
        for index, system in enumerate(SYSTEMS)
    }
    tree = build_tree([*episodes["sft_weak"][:1]], similarity=ExactText())
    return RunRecord(
        name="my run",
        status="finished",
        command="python train.py method=mcts",
        settings={"env": {"name": "alfworld"}, "method": {"name": "mcts"}, "seed": 7},
        starts=[
            {
                **{"time": "2026-01-01T00:00:00+00:00", "commit": "abc123 with changes"},
                **{"versions": {"torch": "2.13.0"}, "machine": "Linux x86_64, 2 CPUs"},
            }
        ],
        stages=[
            StageRecord("trees", "trees/1", "finished", 1.5),
            *(StageRecord(f"evaluate {s}", f"evaluate/{s}", "finished", 2.0) for s in SYSTEMS),
        ],
        systems={s: {"test": figures(0.25 * n)} for n, s in enumerate(SYSTEMS)},
        gap={"weak": "sft_weak", "ceiling": "sft_strong"},
        comparisons=comparisons(),
        curves={"sft weak": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]},
        episodes=episodes,
        trees=[tree],
        no_trees="",
        search={"iterations": 50},
    )


def begun_run() -> RunRecord:
    """Nothing is there but the names of the stages."""
    return replace(
        finished_run(),
        status="not finished",
        stages=[StageRecord(f"evaluate {s}", f"evaluate/{s}", "missing", None) for s in SYSTEMS],
        **{key: {} for key in ("systems", "curves", "episodes", "settings")},
        **dict.fromkeys(("trees", "starts"), ()),
        **{
            "gap": None,
            "comparisons": None,
            "command": "",
            "no_trees": "the store does not hold them",
        },
    )


def repeating_run() -> RunRecord:
    """One system looks 27 times before it takes what the other takes at once."""
    one, other = ["go", "go", *["look"] * 27, "take"], ["go", "go", "take"]
    return replace(
        finished_run(),
        episodes={
            "sft_weak": [episode("a", *one, score=1.0)],
            "mcts": [episode("a", *other, score=1.0)],
        },
    )


def hostile_run() -> RunRecord:
    """Every text tries to become markup."""
    step = Step(ATTACK, ATTACK, ATTACK)
    played = Trajectory(Task(ATTACK, ATTACK, ATTACK, ATTACK), ATTACK, (step,), 0.5, False, True)
    return replace(
        finished_run(),
        **dict.fromkeys(("name", "status", "command"), ATTACK),
        episodes={ATTACK: [played]},
        trees=[build_tree([played], similarity=ExactText())],
    )
