"""The room of trees can be used on its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tratree.trajectory
import tratree.tree
from tratree.errors import UserError
from tratree.trajectory import Step, Task, Trajectory
from tratree.tree import ExactText, Forest, build_tree

ROOM = Path(tratree.tree.__file__).parent
ALLOWED = {"numpy", "numba"}
WHEN_USED = {"scipy", "sentence_transformers", "torch"}
OURS = (
    *("tratree.tree", "tratree.trajectory"),
    *("tratree.documents", "tratree.errors", "tratree.files", "tratree.words"),
)


TASK = Task("hall/1", "train", "find", "find it")
ATTEMPTS = [
    Trajectory(
        TASK,
        "A hall.",
        (Step("", "go", "<b>A door.</b>"), Step("", "open", "Done.")),
        1.0,
        True,
        True,
    ),
    Trajectory(TASK, "A hall.", (Step("", "wait", "Nothing."),), 0.0, False, False, sample=1),
]


def _imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(str(node.module))
    return found


def _is_allowed(name: str) -> bool:
    top = name.split(".")[0]
    if top == "tratree":
        return name.startswith(OURS)
    return top in ALLOWED or top in WHEN_USED or top in sys.stdlib_module_names


def test_it_names_nothing_but_numpy_numba_and_trajectories():
    files = sorted(ROOM.rglob("*.py"))
    assert len(files) > 8
    for path in files:
        assert not {
            name for name in _imports(ast.parse(path.read_text("utf-8"))) if not _is_allowed(name)
        }, path


def test_importing_it_loads_no_model_library():
    program = (
        "import sys; import tratree.tree; tratree.tree.make_similarity('minilm'); "
        "print(*(m for m in sys.modules if m.startswith('tratree.')), "
        "*({'torch', 'scipy', 'sentence_transformers', 'transformers', 'hydra'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    for name in done.stdout.split():
        assert name.startswith(OURS), name


def test_it_needs_numpy_and_numba_alone(tmp_path: Path):
    """Here nothing else can be imported; and numba is not imported before it is needed."""
    program = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in {"tratree", "numpy", "numba", "llvmlite", *sys.stdlib_module_names}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Refuse())
import tratree, tratree.tree, tratree.trajectory
print("numba" in sys.modules, tratree.__version__)
forest = tratree.tree.Forest.load(sys.argv[1])
(path,) = tratree.tree.search_paths(forest)
pair = tratree.tree.find_pairs(forest[0])[0]
again = tratree.tree.build_tree(forest[0].trajectories, similarity=tratree.tree.ExactText())
assert again.visits.tolist() == forest[0].visits.tolist()
print(path.value, pair.rejected_score, len(forest.render()) > 10_000)
"""
    other = replace(ATTEMPTS[1], steps=(Step("", "wait", "Something."),), sample=2)
    Forest([build_tree([*ATTEMPTS, other], similarity=ExactText())]).save(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"False {tratree.__version__}", "1.0 0.0 True"]


def test_a_forest_is_kept_in_a_folder_and_shown_in_a_notebook(tmp_path: Path):
    forest = Forest([build_tree(ATTEMPTS, similarity=ExactText())])
    forest.save(tmp_path / "trees")
    again = Forest.load(tmp_path / "trees")
    assert repr(again) == "<Forest: 1 tree of 2 trajectories, 4 nodes>"
    assert repr(again[0]) == (
        "<TrajectoryTree of hall/1: 2 trajectories, 4 nodes, depth 2, scores 0 to 1>"
    )
    assert again.statistics() == forest.statistics()
    assert again._repr_html_() == forest._repr_html_()
    shown = again[0]._repr_html_()
    assert shown.count("<details") == 4
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown + again._repr_html_()
    with pytest.raises(UserError, match="there are no trees at"):
        Forest.load(tmp_path)


def test_everything_it_offers_is_there():
    for room in (tratree.tree, tratree.trajectory):
        for name in room.__all__:
            assert getattr(room, name) is not None
    assert (ROOM.parent / "py.typed").is_file()
