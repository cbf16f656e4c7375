"""The order of actions and observations that a file has side by side: which one was first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import fmean

from tratree.trajectory.reading.goals import stated_goal

_SCENE = re.compile(
    r"\s*(?:Observation:\s*)?(?:-= Welcome|You are in the middle of a room\b|WebShop \[SEP\]"
    r"|This (?:room|outside location) is called)",
    re.IGNORECASE,
)
_LOOK = re.compile(r"look\b|reset\b|start\b|(?:think|inventory)\b", re.IGNORECASE)
_ANSWER = re.compile(
    r"\s*(?:Observation:\s*)?(?:nothing happen|ok\.?\s*\Z|invalid|no known action|unknown|error\b"
    r"|(?s:.*\bback to search\b)|you (?:open|close|pick|put|place|move|arrive|take|turn|heat|cool"
    r"|clean|focus|activate|pour|mix|use|go|drop|wait|decide|cannot|can't"
    r"|are (?:carrying|now)|have (?:open|clos)))",
    re.IGNORECASE,
)
_HEAD = 15
"""Words of an observation that are compared with an action."""

_LEAST = 0.2
_CLEARLY = 1.2
"""The share of words in common that decides, and how many times that of the other order it is."""


def come_after(actions: Sequence[str], seen: Sequence[str]) -> bool | None:
    """Return whether each observation answers its action; False if it was seen before it.

    An answer has words of its action: the drawer that was opened. None if the texts do not tell.

    Args:
        actions: Of an episode, in their order.
        seen: One text for each of them.
    """
    if not actions:
        return None
    if _SCENE.match(seen[0]) and not _LOOK.match(actions[0]):
        return False
    if _ANSWER.match(seen[0]):
        return True
    if stated_goal(seen[0]) and not any(map(stated_goal, seen[1:2])):
        return False
    if len(actions) < 2:
        return None
    own = fmean(map(_common, actions, seen))
    following = fmean(map(_common, actions[:-1], seen[1:]))
    if max(own, following) < _LEAST or max(own, following) < _CLEARLY * min(own, following):
        return None
    return own > following


def _common(action: str, observation: str) -> float:
    """Return the share of an action's words that an observation begins with."""
    said = set(re.findall(r"\w+", action.lower()))
    head = re.findall(r"\w+", observation.lower())[:_HEAD]
    return len(said & set(head)) / len(said) if said else 0.0
