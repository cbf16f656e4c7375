"""How WebShop reads an action, and which texts it takes for the same one."""

from __future__ import annotations

import re

from tratree.envs.webshop.terms import terms

_ACTION = re.compile(r"(search|click)\s*\[(.+)\]", re.IGNORECASE)


def folded(text: str) -> str:
    """Return `text` in lower case and with single spaces."""
    return " ".join(text.lower().split())


def read_action(action: str) -> tuple[str, str]:
    """Return the verb, ``search`` or ``click``, and the folded argument; ("", "") for neither."""
    match = _ACTION.match(action.strip())
    return (match[1].lower(), folded(match[2])) if match else ("", "")


def action_key(action: str) -> str:
    """Return an action as the shop takes it.

    Of a search only the index terms count (stemmed, without stop words), in any order. Case and
    spacing never count, nor does what follows the bracket.

    >>> action_key("Search[shoes for  running]")
    'search[run shoe]'
    >>> action_key("click[Buy  Now] to buy it")
    'click[buy now]'
    """
    verb, argument = read_action(action)
    if not argument:
        return folded(action)
    words = " ".join(sorted(terms(argument))) if verb == "search" else ""
    return f"{verb}[{words or argument}]"
