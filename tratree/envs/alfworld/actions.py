"""Which texts ALFWorld takes for the same action."""

from __future__ import annotations

import re

_PUT = re.compile(r"put (\w+ \d+) (?:in/on|in|on) (\w+ \d+)")


def action_key(action: str) -> str:
    """Return the engine's command: lower-case, single spaces, ``put X in/on Y`` as ``move X to Y``.

    >>> action_key("Put  mug 1 in/on desk 2")
    'move mug 1 to desk 2'
    """
    return _PUT.sub(r"move \1 to \2", " ".join(action.lower().split()))
