"""Gold paths in fewer and plainer words: teleports for walks, and the shown names of things."""

from __future__ import annotations

import re
from itertools import groupby

_ON_THE_WAY = re.compile(r"look around|(?:go|teleport) to .*|open door to .*")
_MOVE = re.compile(r"(?:go|teleport) to (.*)")
_STAGE = re.compile(r"(focus on |pick up )(?:(?:adult|egg) |baby (?=baby ))(.*)")
_PICK_UP = re.compile(r"pick up (.*)")
_PUT_DOWN = re.compile(r"move .* in inventory to (.*)")


def plain_path(path: list[str]) -> list[str]:
    """Return a path that should do the same; whether it does, the simulator must tell.

    A walk through doors becomes a teleport to its end, with the look around there if the walk has
    one. What is held is called as it was when picked up.

    >>> plain_path(["go to hallway", "go to kitchen", "look around", "focus on egg dove"])
    ['teleport to kitchen', 'look around', 'focus on dove']
    """
    plain: list[str] = []
    held = ""
    for on_the_way, actions in groupby(path, lambda action: bool(_ON_THE_WAY.fullmatch(action))):
        if on_the_way:
            plain += _shortcut(list(actions))
            continue
        for action in actions:
            shown = _STAGE.sub(r"\1\2", action)
            if match := _PICK_UP.fullmatch(shown):
                held = match[1]
            elif held and (match := _PUT_DOWN.fullmatch(shown)):
                shown = f"move {held} to {match[1]}"
            plain.append(shown)
    return plain


def _shortcut(way: list[str]) -> list[str]:
    rooms = [match[1] for match in map(_MOVE.fullmatch, way) if match]
    teleport = [f"teleport to {rooms[-1]}"] if rooms else []
    return teleport + (["look around"] if way[-1] == "look around" else [])
