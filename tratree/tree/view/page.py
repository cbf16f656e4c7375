"""Puts template, style, script and data together into one page."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from string import Template

from tratree.errors import UserError
from tratree.trajectory.jsonl import canonical_json
from tratree.tree.mcts import Path as TreePath
from tratree.tree.types import TrajectoryTree
from tratree.tree.view.colours import score_variables
from tratree.tree.view.data import page_data

_FOLDER = Path(__file__).parent
_SCRIPTS = ("dom", "model", "drawing", "virtual_list", "outline", "map", "details", "tree_list")
"""Later ones use earlier ones; ``main`` comes last."""


def render(
    trees: Sequence[TrajectoryTree],
    paths: Sequence[TreePath],
    *,
    title: str = "Trajectory trees",
    note: str = "",
) -> str:
    """Return a whole HTML page that shows `trees`; equal arguments give an equal page.

    The page loads nothing. Its Content-Security-Policy allows its own style and script only, by
    their hashes. The texts of trajectories are data to it, never markup. A link to
    ``#tree=TASK_ID&node=NUMBER`` opens a node; the task id is percent-encoded.

    Args:
        trees: At least one, each of another task.
        paths: The MCTS path of each tree, as `search_paths` returns them.
        title: Of the page.
        note: A line on where the trees come from.

    Raises:
        UserError: If there is no tree, or not one path for each.
    """
    if not trees:
        raise UserError("there are no trees to show: explore at least one task")
    if len(trees) != len(paths):
        raise UserError(f"{len(trees)} trees and {len(paths)} paths: give one path for each tree")
    style = score_variables() + _read("style.css")
    body = "".join(_read(f"{name}.js") for name in (*_SCRIPTS, "main"))
    script = f'"use strict";\n(() => {{\n{body}}})();\n'
    return Template(_read("template.html")).substitute(
        title=html.escape(title),
        note=html.escape(note),
        style=style,
        style_hash=content_hash(style),
        script=script,
        script_hash=content_hash(script),
        data=json_in_html(page_data(trees, paths)),
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def content_hash(text: str) -> str:
    """Return what a Content-Security-Policy knows a style or script by."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def json_in_html(data: object) -> str:
    """Return `data` as JSON in which nothing can end a script element or start a comment."""
    text = canonical_json(data)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
