"""The start of an episode: after rules, a polite answer and worked examples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from tratree.trajectory.reading.goals import last_statement, stated_goal, the_task
from tratree.trajectory.reading.message import Message, action_of
from tratree.trajectory.turn_parsing import parse_turn

_YOUR_TURN = re.compile(
    r"(?:it'?s|it is|now) your turn|here(?:'s| is) (?:the|your) (?:new |actual |real )?task"
    r"|(?:now|next),? (?:the|your) (?:real|actual) task"
    r"|\A\W*(?:a )?new (?:task|game|episode|question|problem|environment|goal)[.!:\n]"
    r"|\bend of (?:the )?(?:examples?|demonstrations?)\b",
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
_SCENE = re.compile(
    r"\s*(?:Observation:\s*)?(?:-= Welcome to TextWorld|You are in the middle of a room\b"
    r"|WebShop \[SEP\]|Task Description:|Interact with a household)",
    re.IGNORECASE,
)
"""Beginnings that only the first observation of an episode has."""

_SCENE_LINE = re.compile(
    r"^[ \t]*(?=(?:Observation:\s*)?(?:-= Welcome to TextWorld|You are in the middle of a room\b"
    r"|WebShop \[SEP\]|Task Description:))",
    re.IGNORECASE | re.MULTILINE,
)
"""Places in a message where such a beginning may follow an example."""

_READ_IN_THE_WORLD = re.compile(
    r"\b(?:notes?|notice|letter|sign|poster|papers?|book|notebook|diary|page|screen|display|monitor"
    r"|(?:black|white)?board|plaque|label|sticker|card|memo|message|e-?mail|manual|scroll|recipe"
    r"|voice|radio|robot|wall|(?<!task )description|reviews?|features|says?|said|reads?|wrote"
    r"|written|printed|states?|shouts?|whispers?|tells?|asks?)\b",
    re.IGNORECASE,
)
_SAID_AFTER = re.compile(r"[,\"'”]\s*(?:says?|said|reads?)\b")
_EXAMPLE = re.compile(r"\b(?:example|sample|demonstration|demo)\b", re.IGNORECASE)
_NEXT = re.compile(
    r"\b(?:next|now|new)\b[^.!?]{0,20}\Z|\b(?:next|new|real|actual)\b[^.!?]{0,20}[.!?]\s*\Z"
    r"|\byou (?:win|won)\b|\bwell done\b|\bcongratulations\b|\b(?:great|good) job\b"
    r"|\b(?:task|goal|level|round|stage|episode|quest) (?:is )?"
    r"(?:complete|completed|done|finished|solved|cleared|passed|reached|achieved)\b",
    re.IGNORECASE,
)
"""Words before the next task: that it is one, or that the one before is done."""

_STATUS = re.compile(
    r"(?:is |not |yet |already |now )*(?:done|completed?|finished|failed|over|success(?:ful)?"
    r"|solved|achieved|in progress|none|nothing|\d[\d/%. ]*)\W*",
    re.IGNORECASE,
)
"""A word on the progress of a task, in the place of its goal."""

_LONG, _ALIKE = 10, 0.9
"""Words of a goal that may be repeated with another word, and the share of them that stays."""

_FEW_WORDS = 3
"""Most words of a polite answer that promises nothing, and of an announcement of nothing."""


def episode_begins(messages: Sequence[Message]) -> int:
    """Return the index of the message that opens the real task.

    It is the first one that states the last goal of an opening: examples before it have openings of
    their own, some environments repeat the goal later, and what is read in a world may speak of
    tasks, too. Where nothing states a goal, it is the message before the first turn that is more
    than a polite answer to rules. Publishers who say what they train on have the first such turn in
    the episode.

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
    flagged = bool(trained) and masked
    if flagged:
        users = [n for n in users if n < trained[0]] or users[:1]
    turns = [n for n in users if _is_your_turn(messages[n].text)]
    begin: int | None = None
    for n in users:
        earlier = "" if begin is None else messages[begin].text
        goal, known = _goal(messages[n].text), _goal(earlier)
        shortened = f" {goal} " in f" {known} " and not _SCENE.match(messages[n].text)
        if goal and goal != known and not shortened and not _is_reworded(goal, known):
            first = all(message.role != "agent" for message in messages[front:n])
            begin = n if first or _opens(messages[n].text, earlier, flagged=flagged) else begin
    if begin is not None:
        return max([begin, *(turns if len(turns) == 1 else [])])
    if len(turns) == 1:
        return turns[0]
    if flagged:
        return users[-1]
    opening = next(n for n in range(front, len(messages)) if messages[n].role != "system")
    return opening if _acts(messages[opening]) else users[0]


def _is_reworded(goal: str, known: str) -> bool:
    """Return whether a long goal is another one up to a word or two: WebShop repeats it."""
    words, others = goal.split(), known.split()
    alike = SequenceMatcher(None, words, others, autojunk=False).ratio()
    return min(len(words), len(others)) >= _LONG and alike >= _ALIKE


def _acts(message: Message) -> bool:
    """Return whether a message is an agent's that has an action."""
    return message.role == "agent" and bool(action_of(message))


def _opens(text: str, earlier: str, *, flagged: bool) -> bool:
    """Return whether a text that states a goal opens an episode: it does so as one before it did.

    Args:
        text: Of a message after others.
        earlier: The opening before it; empty if nothing has stated a goal yet.
        flagged: Whether all before it is what the publisher does not train on.
    """
    if _is_your_turn(text):
        return True
    said = last_statement(text)
    if said is None or _STATUS.fullmatch(said.goal):
        return False
    if _is_read(said.before) or _SAID_AFTER.search(said.goal):
        return False
    if flagged or _SCENE.match(text):
        return True
    first = last_statement(earlier)
    if first is None:
        return said.words.startswith("your task is to") and len(said.before.split()) >= _FEW_WORDS
    if said.words.startswith(("new ", "next ", "current ")):
        return True
    same = said.words.removeprefix("your ") == first.words.removeprefix("your ")
    if _EXAMPLE.search(first.before) and (same or said.words.startswith("your")):
        return True
    begins = not said.before.strip() or said.before.endswith("\n\n") or _NEXT.search(said.before)
    return same and bool(begins or _first_words(said.before) == _first_words(first.before))


def _is_your_turn(text: str) -> bool:
    """Return whether a text says that the real task begins with it, and has more than that."""
    marks = [mark for mark in _YOUR_TURN.finditer(text) if not _is_read(text[: mark.start()])]
    more = len(_YOUR_TURN.sub("", text).split()) > _FEW_WORDS or last_statement(text) is not None
    return bool(marks) and more


def _is_read(before: str) -> bool:
    """Return whether what follows a text is read or heard in the world: quoted, or told so."""
    before = before.rstrip()
    *_, sentence = sentences = re.split(r"(?<=[.!?])\s+|\n+", before)[-2:]
    quoted = before.endswith(('"', "'", "“", "‘", "«", "「", "`")) or sentence.count('"') % 2 == 1
    return quoted or any(_READ_IN_THE_WORLD.search(told) for told in sentences)


def _first_words(text: str) -> list[str]:
    text = re.sub(r"^\W*(?:task description|observation|task)\s*[:：]", "", text.lower())
    return re.findall(r"[^\W\d_]+", text)[:2]


def _polite_end(messages: Sequence[Message]) -> int:
    """Return the index of the message after a polite answer to rules; 0 without one."""
    first = next(n for n, message in enumerate(messages) if message.role == "agent")
    if first + 1 >= len(messages) or not any(m.role == "agent" for m in messages[first + 1 :]):
        return 0
    said = messages[first]
    if said.action is not None:
        return 0
    text = said.text.strip()
    readable = bool(parse_turn(text)[1])
    if not any(m.role == "user" for m in messages[:first]):
        return 0 if readable else first + 1  # it greets before anybody asks
    asked, following = messages[first - 1].text, messages[first + 1].text
    if (
        not readable
        and not _goal(asked)
        and _goal(following)
        and _opens(following, "", flagged=True)
    ):
        return first + 1
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

    Where the goal is stated only before a polite answer, that message belongs to it, too. Examples
    in the same message, before a line that says where the task begins, or before the last scene if
    they have another goal, do not.
    """
    opening = messages[begin].text if messages[begin].role == "user" else ""
    front, task = the_task(opening)
    if stated_goal(front) and task.strip():
        opening = task.strip()
    begins = [scene.start() for scene in _SCENE_LINE.finditer(opening)]
    other = [n for n in begins if _goal(opening[:n]) not in ("", _goal(opening[n:]))]
    if other and _goal(opening[other[-1] :]):
        opening = opening[other[-1] :].strip()
    if _goal(opening) or not begin:
        return opening
    earlier = next((m for m in reversed(messages[:begin]) if m.role == "user"), None)
    if earlier is None or not _goal(earlier.text):
        return opening
    return f"{earlier.text}\n{opening}"
