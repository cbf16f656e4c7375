"""The start of an episode: after rules, a polite answer and worked examples."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tratree.trajectory.reading.goals import stated_goal
from tratree.trajectory.reading.message import Message
from tratree.trajectory.turns import parse_turn

_YOUR_TURN = re.compile(
    r"(?:it'?s|it is|now) your turn|here(?:'s| is) (?:the|your) (?:new |actual |real )?task"
    r"|(?:now|next),? (?:the|your) (?:real|actual) task",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"\W*(?:ok(?:ay)?|sure|understood|got it|i understand|i see the|certainly|of course|alright"
    r"|all right|yes|absolutely|i'?ll follow|i will follow|i'?m ready|i am ready|ready|no problem"
    r"|great|hello|hi|thanks?|thank you)\b",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"understood|got it|i understand|i(?:'ll| will) (?:follow|try|think|act|do my best|respond|use)"
    r"|ready|your instructions|the (?:rules|format)",
    re.IGNORECASE,
)
_FEW_WORDS = 3
"""Most words of a polite answer that promises nothing."""


def episode_begins(messages: Sequence[Message]) -> int:
    """Return the index of the message that opens the real task.

    It is the first one that states the last goal: examples before it have goals of their own, and
    some environments repeat the goal later. Where nothing states a goal, it is the message before
    the first turn that is more than a polite answer to rules. Publishers who say what they train on
    have the first such turn in the episode.

    Args:
        messages: Of a conversation. At least one is of the agent.
    """
    front = _polite_end(messages)
    last = max(n for n, message in enumerate(messages) if message.role == "agent")
    users = [n for n in range(front, last) if messages[n].role == "user"]
    if not users:
        return next((n for n in range(last) if messages[n].role == "user"), last)
    trained = [n for n in range(front, len(messages)) if messages[n].loss is True]
    masked = any(message.loss is False for message in messages[front:])
    if trained and masked:
        users = [n for n in users if n < trained[0]] or users[:1]
    goals = {n: goal for n in users if (goal := _goal(messages[n].text))}
    turns = [n for n in users if _YOUR_TURN.search(messages[n].text)]
    if goals:
        real = goals[max(goals)]
        begin = min(n for n, goal in goals.items() if goal == real)
        return max([begin, *(turns if len(turns) == 1 else [])])
    if len(turns) == 1:
        return turns[0]
    return users[-1] if trained and masked else users[0]


def _polite_end(messages: Sequence[Message]) -> int:
    """Return the index of the message after a polite answer to rules; 0 without one."""
    first = next(n for n, message in enumerate(messages) if message.role == "agent")
    if first + 1 >= len(messages) or not any(m.role == "agent" for m in messages[first + 1 :]):
        return 0
    said = messages[first]
    if said.action is not None:
        return 0
    if not any(m.role == "user" for m in messages[:first]):
        return first + 1  # it greets before anybody asks
    text = said.text.strip()
    readable = bool(parse_turn(text)[1])
    polite = bool(_POLITE.match(text)) and (not readable or bool(_PROMISE.search(text)))
    says_more = readable or not (_PROMISE.search(text) or len(text.split()) <= _FEW_WORDS)
    if (
        says_more
        and polite
        and _goal(messages[first - 1].text)
        and not _goals_follow(messages, first)
    ):
        return 0  # a first turn that begins so
    return first + 1 if polite else 0


def _goals_follow(messages: Sequence[Message], first: int) -> bool:
    return any(m.role == "user" and _goal(m.text) for m in messages[first + 1 :])


def _goal(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", stated_goal(text).lower()))


def opening_of(messages: Sequence[Message], begin: int) -> str:
    """Return the text that opens the episode.

    Where the goal is stated only before a polite answer, that message belongs to it, too.
    """
    opening = messages[begin].text if messages[begin].role == "user" else ""
    if _goal(opening) or not begin:
        return opening
    earlier = next((m for m in reversed(messages[:begin]) if m.role == "user"), None)
    if earlier is None or not _goal(earlier.text):
        return opening
    return f"{earlier.text}\n{opening}"
