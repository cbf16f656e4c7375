"""The room of trees can be used on its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import tratree.tree

ROOM = Path(tratree.tree.__file__).parent
ALLOWED = {"numpy", "numba"}
WHEN_USED = {"sentence_transformers", "torch"}
OURS = ("tratree.tree", "tratree.trajectory", "tratree.errors", "tratree.files")


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
        "*({'torch', 'sentence_transformers', 'transformers', 'hydra'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    for name in done.stdout.split():
        assert name.startswith(OURS), name


def test_everything_it_offers_is_there():
    for name in tratree.tree.__all__:
        assert getattr(tratree.tree, name) is not None
