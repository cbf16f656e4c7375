"""Reading of actions in WebShop, and the texts that it takes for the same action."""

from __future__ import annotations

import re

from tratree.envs.webshop.terms import terms

_ACTION = re.compile(r"(search|click)\s*\[(.*)\]", re.IGNORECASE)
_ARTICLES = ("a", "an", "the")


def one_line(text: str) -> str:
    """Return `text` with single spaces, as an action shows it."""
    return " ".join(text.split())


def folded(text: str) -> str:
    """Return `text` with single spaces and without case: ``ß`` is ``SS``."""
    return one_line(text.casefold())


def loosened(text: str) -> str:
    """Return `folded` text without articles and without a full stop at its end."""
    words = folded(text).rstrip(" .!").split()
    return " ".join(word for word in words if word not in _ARTICLES)


def read_action(action: str) -> tuple[str, str]:
    """Return the verb, ``search`` or ``click``, and the folded argument; ("", "") for neither.

    What follows the bracket does not count, nor do further lines where the first is an action.
    """
    match = _ACTION.match(action.strip()) or _ACTION.match(one_line(action))
    if match is None:
        return "", ""
    verb = match[1].lower()
    return verb, one_line(match[2].lower()) if verb == "search" else folded(match[2])


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
    if not verb:
        return folded(action)
    words = " ".join(sorted(terms(argument))) if verb == "search" else ""
    return f"{verb}[{words or argument}]"


def forgiving_key(action: str) -> str:
    """Return `action_key` of an action that is read forgivingly.

    >>> forgiving_key("click[the blue one.]")
    'click[blue one]'
    """
    verb, argument = read_action(action)
    return f"click[{loosened(argument)}]" if verb == "click" else action_key(action)
