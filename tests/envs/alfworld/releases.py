"""Game files as the releases of ALFWorld hold them, made from generated ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HELP_ACTION = re.compile(r"\(:action help\n.*?\n\)\n", re.DOTALL)
_HELP_RULE = re.compile(r"action help \{.*\}\n", re.DOTALL)
_HELP_TEXT = re.compile(r'"help.feedback": \[\s*\{\s*"rhs": (".*?")\s*\}', re.DOTALL)


def before_04(game: dict[str, Any]) -> dict[str, Any]:
    """Return a game as before 0.4: another wording, no help, and places named otherwise."""
    grammar = _HELP_RULE.sub("", game["grammar"])
    for new, old in (
        ("move {o} to {r}", "put {o} in/on {r}"),
        ("You move the {o.name} to the {r.name}.", "You put the {o.name} in/on the {r.name}."),
        ("You arrive at {r.name}.", "You arrive at {lend.name}."),
    ):
        assert new in grammar
        grammar = grammar.replace(new, old)
    domain, removed = _HELP_ACTION.subn("", game["pddl_domain"])
    assert removed == 1
    walkthrough = [
        re.sub(r"move (.*) to (.*)", r"put \1 in/on \2", command) for command in game["walkthrough"]
    ]
    return {**game, "grammar": grammar, "pddl_domain": domain, "walkthrough": walkthrough}


def released_04(game: dict[str, Any]) -> dict[str, Any]:
    """Return a game as its file was released with 0.4: the text of ``help`` is in its rule."""
    text = _HELP_TEXT.search(game["grammar"])
    assert text is not None
    rule = f'action help {{\n    template :: "help";\n    feedback :: {text[1]};\n}}\n'
    return {**game, "grammar": _HELP_RULE.sub(lambda _: rule, game["grammar"])}


RELEASES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "before 0.4": before_04,
    "released with 0.4": released_04,
    "compact": lambda game: game,
}


def rewrite(root: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the games below `root`."""
    for path in root.glob("json_2.1.1/*/*/*/game.tw-pddl"):
        path.write_text(json.dumps(change(json.loads(path.read_text()))))
