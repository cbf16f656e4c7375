"""A whole episode in one text: a rendered chat, a ReAct log with numbered labels, or with ``>``."""

from __future__ import annotations

import re

from tratree.trajectory.words import words

_CHATML = re.compile(
    r"<\|im_start\|>\s*(\w+)\n(.*?)(?:<\|im_end\|>|(?=<\|im_start\|>)|\Z)", re.DOTALL
)
_LLAMA3 = re.compile(
    r"<\|start_header_id\|>\s*(\w+)\s*<\|end_header_id\|>\n*(.*?)(?:<\|eot_id\|>|<\|eom_id\|>|\Z)",
    re.DOTALL,
)
_GEMMA = re.compile(r"<start_of_turn>\s*(\w+)\n(.*?)(?:<end_of_turn>|\Z)", re.DOTALL)
_SPOKEN = re.compile(
    r"(?:^|(?<=</s>)|(?<=[.!?\])}\"'>\s]))[ \t]*(USER|ASSISTANT|Human|Assistant|User):[ \t]*"
    r"(.*?)(?=(?:</s>|\s)[ \t]*(?:USER|ASSISTANT|Human|Assistant|User):|\Z)",
    re.DOTALL | re.MULTILINE,
)
_INST = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?=</s>|<s>|\[INST\]|\Z)", re.DOTALL)
_SYS = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>(.*)", re.DOTALL)
_LABEL = re.compile(r"^[ \t]*(Thought|Action|Observation|Act|Obs)[ \t]*\d*[ \t]*:", re.I | re.M)
_THINK = re.compile(r"think\s*(?::|\[)\s*(.*?)\]?\s*\Z", re.IGNORECASE | re.DOTALL)
_ROLES = frozenset(words("system user assistant tool environment ipython observation human model"))


def split_log(text: str) -> list[tuple[str, str]]:
    """Return the (role, text) of an episode's messages; nothing if the text is not a log of one."""
    if _INST.search(text):
        return _split_at_instructions(text)
    for rendered in (_CHATML, _LLAMA3, _GEMMA, _SPOKEN):
        found = [(role.lower(), said.strip()) for role, said in rendered.findall(text)]
        if rendered is _SPOKEN and not {"assistant"} < {role for role, _ in found}:
            continue
        if found and all(role in _ROLES for role, _ in found):
            while found and found[-1] == ("assistant", ""):
                found.pop()
            before = text[: rendered.search(text).start()].strip() if rendered is _SPOKEN else ""  # type: ignore[union-attr]
            if before:
                return [("system", before), *found]
            return found
    if re.search(r"^> ?\S", text, re.MULTILINE):
        return _split_at_prompts(text)
    marks = list(_LABEL.finditer(text))
    if any(mark[1].lower().startswith("obs") for mark in marks):
        return _split_at_labels(text, marks)
    return []


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


def _split_at_prompts(text: str) -> list[tuple[str, str]]:
    """Split the log of a game: each line after ``>`` is an action, or a thought if it says so."""
    messages: list[tuple[str, str]] = []
    thoughts: list[str] = []
    seen: list[str] = []
    for line in text.split("\n"):
        if not re.match(r"> ?\S", line):
            seen.append(line)
            continue
        said = line[1:].strip()
        shown = "\n".join(seen).strip()
        seen = []
        if thoughts and shown in ("OK.", "OK", ""):
            shown = ""
        if shown:
            messages.append(("user", shown))
        thought = _THINK.match(said)
        if thought:
            thoughts.append(thought[1].strip())
            continue
        before = "Thought: " + " ".join(thoughts) + "\n" if thoughts else ""
        messages.append(("assistant", f"{before}Action: {said}"))
        thoughts = []
    shown = "\n".join(seen).strip()
    return [*messages, ("user", shown)] if shown else messages


def _split_at_labels(text: str, marks: list[re.Match[str]]) -> list[tuple[str, str]]:
    """Split at ``Observation``; the text from a thought or an action to it is the agent's."""
    messages = [("user", text[: marks[0].start()].strip())]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        by_agent = not mark[1].lower().startswith("obs")
        said = text[mark.start() if by_agent else mark.end() : end].strip()
        messages.append(("assistant" if by_agent else "user", said))
    return [message for message in messages if message[1]]
