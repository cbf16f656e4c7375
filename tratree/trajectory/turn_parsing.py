"""Reading an agent's turn, thought and action, in any of the forms that agents are trained on.

It takes what a person would take for the action, or nothing: a text without a readable action is an
invalid turn, and never all action.
"""

from __future__ import annotations

import json
import re

from tratree.trajectory.tool_calls import call_in_text, call_to_action, with_hermes_tags

_STOP = re.compile(
    r"<\|\w+\|>|</s>|<eos>|<end>|<end_of_turn>|<｜end▁of▁sentence｜>|\[/INST\]", re.IGNORECASE
)
_START = re.compile(
    r"^(?:\s|<\|\w+\|>|<s>|<bos>|<start_of_turn>"
    r"|(?<=[>\n])(?:assistant|model)\b|(?i:assistant|ai|agent|model|gpt|bot)\s*[:：](?=\s))+"
)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*analysis[^<]*<\|message\|>(.*?)(?:<\|end\|>|(?=<\|channel\|>)|\Z)", re.DOTALL
)
_HEADER = re.compile(
    r"(?:<\|start\|>\w+)?<\|channel\|>.*?<\|message\|>|<\|python_tag\|>|\[TOOL_CALLS\]", re.DOTALL
)
"""Headers of gpt-oss, and marks of calls by Llama and Mistral."""

_THINK_NAMES = r"(?:think|thinking|thought|thoughts|reason|reasoning|scratchpad)"
_THINK = re.compile(rf"<({_THINK_NAMES})>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_THINK_END = re.compile(rf"</{_THINK_NAMES}>", re.IGNORECASE)
_THINK_START = re.compile(rf"<{_THINK_NAMES}>", re.IGNORECASE)
_TAGGED = re.compile(
    r"<(actions?|act|answer|command|execute)(?:\s[^<>]*)?>(.*?)(?:</\1>|\Z)",
    re.DOTALL | re.IGNORECASE,
)

_COLON = r"\s*(?:[#(\[]?(?:(?:step|turn)\s*)?\d+[)\]]?\s*)?[*_`]*\s*[:：]+[*_`]*"
_DECORATION = (
    r"(?:[^\w\n\"'“”‘’(){}\[\]<]|_)*"
    r"(?:\d+[.)][ \t]+|(?:step|turn|round)[ \t]*\d+[ \t]*[:.)-][ \t]*)?"
)


_FLAGS = re.IGNORECASE | re.MULTILINE


def _label(words: str) -> re.Pattern[str]:
    """Return what finds one of the words as a label: with a colon, or as a heading of its own."""
    colon = rf"^{_DECORATION}(?:{words})(?:{_COLON}|[ \t]+[-–—](?=[ \t]))"
    heading = rf"^[ \t#*_=-]*(?:{words})[ \t*_#=-]*$"
    bracketed = rf"^[ \t*]*[\[【(（](?:{words})[\]】)）][*_`]*(?:{_COLON})?"
    return re.compile(f"{colon}|{heading}|{bracketed}", _FLAGS)


ACTION_LABEL = _label(
    r"(?:the\s+)?(?:(?:now|next|my|final|chosen|selected|best|agent|proposed)\s+)?"
    r"(?:actions?|act|command)(?:\s+to\s+take)?|动作|行动"
)
_THOUGHT = _label(r"(?:my\s+)?(?:thoughts?|think(?:ing)?|reasoning|reason)|思考|想法")
_OBSERVATION = _label(r"(?:observation|obs)|观察")
_INPUT = _label(r"action\s+input")
_BEGUN = re.compile(rf"{ACTION_LABEL.pattern}|</action>|</tool_call>|</function>", _FLAGS)
_INVENTED = re.compile(rf"{_OBSERVATION.pattern}|<tool_response>|<observation>", _FLAGS)
# Within a line, prose has such words, too: only with a capital.
_INLINE_ACTION = re.compile(rf"(?:^|(?<=[\s.!?]))[*_`]*(?:Action|ACTION|Act|ACT){_COLON}")
_INLINE_OBSERVATION = re.compile(rf"(?<=\s)(?:Observation|OBSERVATION|Obs|Thought){_COLON}")
_FENCE = re.compile(r"\A\s*(?:```|~~~)(?:[\w-]*[ \t]*\n)?(.*?)(?:```|~~~|\Z)", re.DOTALL)
_OPENED_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w-]*\s*\Z", re.MULTILINE)
_LONE_FENCE = re.compile(r"([^`]*)```(?:[\w-]*[ \t]*\n)?[ \t]*([^\n`]+)\n?[ \t]*```", re.DOTALL)
_SHOP = re.compile(r"(?:search|click)\[.*\]", re.IGNORECASE)
_PROMPT_SIGN = re.compile(r"\A\s*>\s*([^>\s][^\n]*)\s*\Z")
_THINK_ACT = re.compile(r"think\s*(?::|\[)", re.IGNORECASE)
_QUOTES = tuple(
    pair.split() for pair in ("** **", "` `", "__ __", '" "', "“ ”", "' '", "* *", "[ ]", "< >")
)
_TAGS_AROUND = re.compile(
    r"\A(?:<(?:actions?|act|answer)>)+|(?:[<\[]/(?:actions?|act|answer)[>\]])+\Z", re.IGNORECASE
)
_QUOTED_SENTENCE = re.compile(r"\A((?:`[^`]*`|\"[^\"]*\"|'[^']*'|\*\*[^*]*\*\*))[.,;]\Z")
_BOXED = re.compile(r"\\boxed\{\s*(?:\\text\{)?([^{}\n]+)\}")
_LIST_MARK = re.compile(r"\A(?:[-•>]|\*(?!.*\*\Z)|\d+[.)])[ \t]+")


_HTML = re.compile(r"<(?:(br\s*/?|/?p)|/?(?:b|strong|em|i|code))>", re.IGNORECASE)
_LABEL_TOKEN = re.compile(r"<\|(thought|action)\|>", re.IGNORECASE)

_UNSEEN = {
    ord("\u00a0"): " ",
    **{ord("◁"): "<", ord("▷"): ">"},
    **dict.fromkeys(map(ord, "\0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")),
}
"""Letters that nobody sees or that tags of thoughts have, and what they are read as."""


def parse_turn(text: str) -> tuple[str, str]:
    """Return (thought, action) of a text in any form, both stripped; never raises.

    The action is one line, and empty where the text cannot be read: the turn is invalid then, and
    all of the text is its thought. See tratree/trajectory/README.md for what is read.
    """
    text = _HTML.sub(lambda tag: "\n" if tag[1] else "", text.translate(_UNSEEN))
    text = _LABEL_TOKEN.sub(r"\n\1: ", text)
    text = _without_control_tokens(with_hermes_tags(text))
    thoughts, rest, open_thought = _without_thoughts(text)
    begun = _BEGUN.search(rest)
    invented = _INVENTED.search(rest, begun.end()) if begun else None
    rest = rest[: invented.start()] if invented else rest
    found = _read_tags(rest)
    if found is None and open_thought is None:
        read = (_read_labels, _read_call) if _INPUT.search(rest) else (_read_call, _read_labels)
        found = read[0](rest) or read[1](rest) or _read_bare(rest)
    if found is None or not found[1]:
        return text.strip(), ""
    said, action = found
    whole = [*thoughts, open_thought.partition("<action")[0] if open_thought else said]
    return "\n".join(part.strip() for part in whole if part.strip()), action


def outside_thoughts(text: str) -> str:
    """Return the text outside thoughts; nothing while one has not ended."""
    _, rest, open_thought = _without_thoughts(text)
    return rest if open_thought is None else ""


def _without_control_tokens(text: str) -> str:
    text = _HEADER.sub("", _CHANNEL.sub(r"<think>\1</think>", text))
    text = _START.sub("", text)
    while (stop := _STOP.search(text)) is not None:
        before, after = text[: stop.start()], text[stop.end() :]
        text = before if before.strip() else after
    return text.strip()


def _without_thoughts(text: str) -> tuple[list[str], str, str | None]:
    """Return the blocks of thought, the text outside, and a thought that never ends."""
    thoughts: list[str] = []

    def keep(block: re.Match[str]) -> str:
        thoughts.append(block[2])
        return "\n"

    rest = _THINK.sub(keep, text)
    if (end := None if thoughts else _THINK_END.search(rest)) is not None:
        thoughts.append(_THINK_START.sub("", rest[: end.start()]))  # the prompt opened it
        rest = rest[end.end() :]
    opened = _THINK_START.search(rest)
    if opened is None:
        return thoughts, rest, None
    return thoughts, rest, rest[opened.end() :]


def _read_tags(text: str) -> tuple[str, str] | None:
    found = [tag for tag in _TAGGED.finditer(text) if tag[2].strip() and _is_meant(text, tag)]
    if not found:
        return None
    said = _thought_of(text[: found[0].start()])
    inner = found[0][2]
    labelled = list(ACTION_LABEL.finditer(inner))
    if not labelled:
        return said, _action_of(inner)
    said = f"{said.strip()}\n{_thought_of(inner[: labelled[-1].start()])}"
    return said.strip(), _action_of(inner[labelled[-1].end() :])


def _is_meant(text: str, tag: re.Match[str]) -> bool:
    """Return whether a tag is closed, or begins as an action does: not within a sentence."""
    before = text[: tag.start()].rstrip(" \t")
    return tag[0].endswith(">") or not before or before[-1] in "\n>.!?:：。"


def _read_call(text: str) -> tuple[str, str] | None:
    call = call_in_text(text)
    if call is None:
        return None
    return _thought_of(call[0]), call[1]


def _thought_of(said: str) -> str:
    """Return what is said before an action, without the labels of both."""
    said = said.lstrip()
    while (label := _THOUGHT.match(said)) is not None:
        said = said[label.end() :].lstrip()
    before = list(ACTION_LABEL.finditer(said))
    return said[: before[-1].start()] if before and not said[before[-1].end() :].strip() else said


def _read_labels(text: str) -> tuple[str, str] | None:
    marks = list(ACTION_LABEL.finditer(text))
    if not marks:
        first = _INLINE_ACTION.search(text)
        invented = _INLINE_OBSERVATION.search(text, first.end()) if first else None
        text = text[: invented.start()] if invented else text
        marks = list(_INLINE_ACTION.finditer(text))
    if not marks:
        return None
    filled = [mark for mark in marks if _action_of(text[mark.end() :])] or marks
    label = _THOUGHT.search(text[: marks[0].start()])
    said = _thought_of(text[label.end() if label else 0 : marks[0].start()])
    return _OPENED_FENCE.sub("", said), _with_input(text[filled[-1].end() :])


def _with_input(text: str) -> str:
    """Return the action after a label; LangChain's agents put its argument behind another one."""
    mark = _INPUT.search(text)
    if mark is None:
        return _action_of(text)
    name, given = _action_of(text[: mark.start()]), text[mark.end() :].strip()
    if given.strip("\"'`").lower() in ("", "none", "null", "{}", "n/a"):
        return name
    try:
        arguments = json.loads(given)
    except (ValueError, RecursionError):
        arguments = _action_of(given)
    return call_to_action(name, arguments) or ""


def _read_bare(text: str) -> tuple[str, str] | None:
    lines = text.strip().split("\n")
    if _SHOP.fullmatch(lines[-1].strip()):
        label = _THOUGHT.match(text)
        said = "\n".join(lines[:-1])
        return said[label.end() :] if label else said, lines[-1].strip()
    fence = _LONE_FENCE.fullmatch(text.strip())
    if fence is not None:
        return fence[1], _action_of(fence[2])
    boxed = list(_BOXED.finditer(text))
    if boxed:
        return text[: boxed[-1].start()], boxed[-1][1].strip()
    label = _THOUGHT.match(text)
    said = "\n".join(lines[:-1])[label.end() :] if label else ""
    command = _PROMPT_SIGN.match(lines[-1] if label else text)
    if command is not None and not _THINK_ACT.match(command[1]):
        return said, command[1].strip()
    return None


def _action_of(text: str) -> str:
    """Return the one line of an action, out of fences, quotes and repeated labels."""
    fence = _FENCE.match(text)
    text = fence[1] if fence else text
    while (label := ACTION_LABEL.match(text.lstrip())) is not None:
        text = text.lstrip()[label.end() :]
    called = text.lstrip()[:1] in ("{", "<", "[") or text.rstrip().endswith(")")
    call = call_in_text(text) if called else None
    if call is not None:
        return call[1]
    line = next((line.strip() for line in text.split("\n") if line.strip("` \t\r")), "")
    line = _LIST_MARK.sub("", line)
    invented = _INLINE_OBSERVATION.search(line)
    line = line[: invented.start()].strip() if invented else line
    line = _QUOTED_SENTENCE.sub(r"\1", line)
    for opening, closing in _QUOTES:
        if (
            len(line) > len(opening + closing)
            and line.startswith(opening)
            and line.endswith(closing)
        ):
            line = line[len(opening) : -len(closing)].strip()
    while (label := ACTION_LABEL.match(line)) is not None:
        line = line[label.end() :].strip()
    if line in ("{", "["):
        return ""  # a call that is cut off
    line = _TAGS_AROUND.sub("", line).strip()
    for mark in ("**", "`", '"'):  # which stood before the label, too
        line = line.removesuffix(mark).strip() if line.count(mark) == 1 else line
    return line
