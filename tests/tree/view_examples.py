"""Trees for the tests of their page: small ones to read, many to scroll, and hostile texts."""

from __future__ import annotations

from tests.tree.tree_examples import trajectory
from tratree.trajectory.types import Task
from tratree.tree.information_states import merge_states
from tratree.tree.merge import build_tree
from tratree.tree.similarity import ExactText
from tratree.tree.types import TrajectoryTree

ATTACKS = (
    "</script><script>document.title='attacked'</script>",
    "<!--<script>",
    "<img src=x onerror=\"document.title='attacked'\">",
    "&lt;b&gt; ' \" \u2028 \u2029 \x00 $data ${style}",
    "]]></style><svg onload=alert(1)>",
)


def attacked_tree() -> TrajectoryTree:
    task = Task(*ATTACKS[:4])
    attempts = [
        trajectory([ATTACKS[:3], ATTACKS[1:4]], 1, task=task, first_observation=ATTACKS[4]),
        trajectory([ATTACKS[2:5]], 0, task=task, first_observation=ATTACKS[4], sample=1),
    ]
    return build_tree(attempts, similarity=ExactText())


def same_steps_in_many_tasks(count: int) -> list[TrajectoryTree]:
    """Trees of one trajectory of 20 steps that all show the same long observation."""
    steps = [["think", "look", "You see a mug. " * 40]] * 20
    return [
        build_tree(
            [trajectory(steps, 1, task=Task(f"task-{n}", "train", "pick", "look around"))],
            similarity=ExactText(),
        )
        for n in range(count)
    ]


SHELF = ["find mug", "go to shelf 1", "On the shelf 1, you see a mug 1."]
TAKE = ["take mug", "take mug 1 from shelf 1", "You pick up the mug 1."]
DESK = ["put mug", "move mug 1 to desk 1", "You move the mug 1 to the desk 1."]
LOST = ["find mug", "go to drawer 1", "The drawer 1 is closed."]
OTHER_THOUGHT = ["a mug may be here", *SHELF[1:]]


def small_trees() -> list[TrajectoryTree]:
    """Three tasks: one with successes and failures, one solved always, one never."""
    attempts = {
        ("pick-0", "pick", "put a mug on the desk"): [
            ([SHELF, TAKE, DESK], 1),
            ([OTHER_THOUGHT, TAKE, LOST], 0),
            ([SHELF, LOST, LOST], 0.5),
        ],
        ("pick-1", "pick", "put a pencil in the drawer"): [([SHELF, TAKE], 1), ([TAKE], 1)],
        ("look-0", "look", "examine a book with the lamp"): [([LOST, LOST], 0), ([SHELF], 0)],
    }
    return [
        build_tree(
            [
                trajectory(steps, score, sample=sample, task=Task(name, "train", kind, text))
                for sample, (steps, score) in enumerate(of_task)
            ],
            similarity=ExactText(),
        )
        for (name, kind, text), of_task in attempts.items()
    ]


def small_graph() -> TrajectoryTree:
    """A graph whose best path leaves out a step that changed nothing."""
    attempts = [
        trajectory([SHELF, LOST, LOST, TAKE], 1),
        trajectory([SHELF, TAKE], 0, sample=1),
    ]
    (graph,) = merge_states([build_tree(attempts, similarity=ExactText())], [None])
    return graph


def many_trees(count: int) -> list[TrajectoryTree]:
    """Trees of 20 nodes: three shared steps, then four branches of four."""
    shared = [SHELF, TAKE, LOST]
    return [
        build_tree(
            [
                trajectory(
                    shared + [["", f"go to cabinet {b}", f"The cabinet {b} is {n}."]] + [LOST] * 3,
                    score=(b + n) % 2,
                    sample=b,
                    task=Task(f"task-{n:03d}", "train", f"type {n % 6}", f"find the object {n}"),
                )
                for b in range(4)
            ],
            similarity=ExactText(),
        )
        for n in range(count)
    ]
