"""A whole episode in one text: a rendered chat, a ReAct log with numbered labels, or with ``>``."""

from __future__ import annotations

import re

from tratree.trajectory.reading.goals import the_task
from tratree.trajectory.reading.roles import ROLES, SIDES

_SPEAKER = re.compile(
    r"<\|im_start\|>[ \t]*(?P<chatml>\w+)[ \t]*\n"
    r"|<\|start_header_id\|>\s*(?P<llama>\w+)\s*<\|end_header_id\|>"
    r"|<start_of_turn>[ \t]*(?P<gemma>\w+)[ \t]*\n"
    r"|<\|start\|>(?P<harmony>\w+)[^<]*(?:<\|message\|>)?"
    r"|<(?P<xml>system|user|assistant)>"
    r"|<\w+ role=[\"'](?P<attribute>\w+)[\"'][^<>]*>"
    r"|<[|｜](?P<tag>system|user|assistant|observation|tool|System|User|Assistant)[|｜]>"
    r"|^###[ \t]*(?P<heading>System|Instruction|Human|User|Response|Assistant)[ \t]*:?[ \t]*$",
    re.MULTILINE,
)
"""Marks of a speaker in a rendered chat."""

_END = re.compile(
    r"<\|(?:im_end|eot_id|eom_id|end|return|call)\|>|<end_of_turn>|</s>|<｜end▁of▁sentence｜>"
    r"|</(?:system|user|assistant|turn|message|msg)>"
)
_SPOKEN = re.compile(
    r"(?:^|(?<=</s>)|(?<=[.!?\])}\"'>\s]))[ \t]*"
    r"[*#_ \t]*(?P<name>USER|ASSISTANT|Human|Assistant|User)[*_]*:[*_]*[ \t]*",
    re.MULTILINE,
)
_STAMP = re.compile(
    r"^(?:\[?\d{4}-\d\d-\d\d[ T][\d:.,]+Z?\]?[\s|-]*)?\[?(?:INFO|DEBUG|WARNING)\]?[ \t|:-]+"
    r"(?:(?!Thought|Action|Act\b|Obs|Step)[\w.]+(?::\d+)?\s*[:|-]\s*(?=[A-Z*>]))?",
    re.MULTILINE,
)
"""What a program's log has before what it says."""

_SIDE = re.compile(
    r"^[*#_ \t]*(?:\[(?P<bracketed>\w+)\]:?|(?P<side>\w+)[*_]*:[*_]*)[ \t]*(?=\S)", re.MULTILINE
)
"""A speaker at the beginning of a line."""

_STEP_BAR = re.compile(r"^(?:step|turn|t)[ \t]*=?[ \t]*\d+[ \t]*\|[ \t]*", re.I | re.M)
_BAR = re.compile(r"[ \t]*\|[ \t]*(?=(?:thought|action|act|obs|observation)[ \t]*\d*[ \t]*:)", re.I)
"""What parts labels that are all in one line."""

_TAGS = re.compile(r"(?:<[^<>]*>|\[\w+\]|\s)*")
_INST = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?=</s>|<s>|\[INST\]|\Z)", re.DOTALL)
_SYS = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>(.*)", re.DOTALL)
_ANSWER = re.compile(
    r"<(observation|obs|state|tool_response|tool_result|information|env_feedback|feedback)>"
    r"(.*?)</\1>",
    re.DOTALL,
)
_PROMPTED = re.compile(
    r"> ?(?:(?P<turn>\w[\w ]*:.*\n(?:.+\n)*?action:.*)|(?P<action>.*))", re.IGNORECASE
)
"""What stands behind the sign of a prompt: fields, the last one an action, or an action."""

_PLAIN_SPEAKER = re.compile(r"^(?P<plain>system|user|assistant)[ \t]*$", re.MULTILINE)
"""A speaker in a rendered chat without its special tokens."""

_BRACKETS = re.compile(
    r"^[ \t]*\[(thought|think|reasoning|action|act|observation|obs)\][ \t]*:?[ \t]*", re.I | re.M
)
_LABEL = re.compile(
    r"^[ \t*#_]*(?:(Thoughts?|Think(?:ing)?|Reasoning|Action|Act|Observation|Obs"
    r"|State(?=[ \t]*\d))[ \t]*\d*"
    r"|(?:Step|Turn|Plan|Memory|Reflection|Action[ \t]*Path)[ \t]*\d+)[*_]*[ \t]*:[*_]*"
    r"|^#+[ \t]*(?:Step|Turn)[ \t]*\d+[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)


def split_log(text: str) -> list[tuple[str, str]]:
    """Return the (role, text) of an episode's messages; nothing if the text is not a log of one."""
    text = _BAR.sub("\n", _STEP_BAR.sub("", _STAMP.sub("", text)))
    if _INST.search(text):
        return _split_at_instructions(text)
    marks = list(_SPEAKER.finditer(text))
    if not marks and _PLAIN_SPEAKER.match(text.lstrip()):
        marks = list(_PLAIN_SPEAKER.finditer(text))
    rendered = bool(marks)
    if not rendered:
        marks = list(_SPOKEN.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    found = [
        (str(mark[mark.lastgroup or 0]).lower(), _END.split(text[mark.end() : end])[0].strip())
        for mark, end in zip(marks, ends, strict=False)
    ]
    while found and found[-1] == ("assistant", ""):
        found.pop()
    roles = {role for role, _ in found}
    if found and roles <= ROLES.keys() and (rendered or {"assistant"} < roles):
        before = text[: marks[0].start()].strip()
        return found if _TAGS.fullmatch(before) else [("system", before), *found]
    if sides := _split_at_sides(text):
        return sides
    front, text = the_task(text)
    split = _split_at_prompts(text) or _split_at_answers(text) or _split_at_labels(text)
    return [("system", front.strip()), *split] if front.strip() and split else split


def is_rendered(text: str) -> bool:
    """Return whether a text begins as a rendered chat."""
    return any(mark.match(text.lstrip()) for mark in (_SPEAKER, _PLAIN_SPEAKER, _INST))


def _split_at_instructions(text: str) -> list[tuple[str, str]]:
    """Split a chat as Llama 2 and Mistral have it: the user within ``[INST]``, answers after."""
    messages: list[tuple[str, str]] = []
    for asked, said in _INST.findall(text):
        system = _SYS.match(asked)
        if system:
            messages.append(("system", system[1].strip()))
        messages += [
            ("user", (system[2] if system else asked).strip()),
            ("assistant", said.strip()),
        ]
    return [message for message in messages if message[1]]


def _split_at_sides(text: str) -> list[tuple[str, str]]:
    """Split at the speakers that lines begin with, such as ``Agent:`` and ``[ENV]``."""
    sides = [(str(mark[mark.lastgroup or 0]).lower(), mark) for mark in _SIDE.finditer(text)]
    marks = [(name, mark) for name, mark in sides if name in SIDES]
    if {ROLES[name] for name, _ in marks} < {"user", "agent"} or marks[0][1].start():
        return []
    ends = [*(mark.start() for _, mark in marks[1:]), len(text)]
    return [
        (name, text[mark.end() : end].strip())
        for (name, mark), end in zip(marks, ends, strict=True)
    ]


def _split_at_answers(text: str) -> list[tuple[str, str]]:
    """Split what a model said in an episode at the tags of the environment's answers."""
    marks = list(_ANSWER.finditer(text))
    if not marks or not text.lstrip().startswith("<"):
        return []
    ends = [0, *(mark.end() for mark in marks)]
    messages = []
    for end, mark in zip(ends, [*marks, None], strict=True):
        said = text[end : mark.start() if mark else None].strip()
        messages += [] if _TAGS.fullmatch(said) else [("assistant", said)]
        messages += [("user", mark[2].strip())] if mark else []
    return messages


def _split_at_prompts(text: str) -> list[tuple[str, str]]:
    """Split the log of a game: each line after ``>`` is an action, or those up to one with it."""
    if not re.search(r"^> ?\S", text, re.MULTILINE):
        return []
    messages: list[tuple[str, str]] = []
    for part in re.split(r"^(?=> ?\S)", text, flags=re.MULTILINE):
        said = _PROMPTED.match(part)
        if said and said["turn"]:
            messages.append(("assistant", said["turn"]))
        elif said:
            messages.append(("assistant", f"Action: {said['action'].strip()}"))
        if shown := part[said.end() if said else 0 :].strip():
            messages.append(("user", shown))
    return messages


def _split_at_labels(text: str) -> list[tuple[str, str]]:
    """Split at ``Observation``; the text from a thought or an action to it is the agent's."""
    text = _BRACKETS.sub(r"\1: ", text)
    marks = list(_LABEL.finditer(text))
    if not any(map(_is_seen, marks)):
        return []
    messages = [("user", text[: marks[0].start()].strip())]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        by_agent = not _is_seen(mark)
        said = text[mark.start() if by_agent else mark.end() : end].strip()
        messages.append(("assistant" if by_agent else "user", said))
    return [message for message in messages if message[1]]


def _is_seen(mark: re.Match[str]) -> bool:
    return (mark[1] or "").lower().startswith(("obs", "state"))
