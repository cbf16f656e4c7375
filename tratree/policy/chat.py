"""The chat format: a conversation as token ids, built turn by turn and never tokenized twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import copy
from functools import cached_property
from importlib.resources import files

from transformers import PreTrainedTokenizerBase

from tratree.errors import UserError
from tratree.policy.prompt import Prompt
from tratree.time_limit import time_limit
from tratree.trajectory.turns import TURN_FORMS

TEMPLATES = ("chatml", "llama2", "llama3", "tiny")
"""Names of the packaged chat templates."""

_SYSTEM, _USERS, _AGENTS = "system-text", ("user-0", "user-1", "user-2"), ("agent-0", "agent-1")


_CHANGING = re.compile(r"\bstrftime_now\b|\|\s*random\b|\blipsum\b")
"""Expressions that make a template depend on the clock or on chance."""

_MOST_SECONDS = 20
"""A template that takes longer never ends."""


class ChatFormat:
    """Turns texts into the token ids of a conversation, one turn at a time.

    ``first_turn + agent_turn + next_turn + agent_turn + ...`` are the ids of the whole
    conversation as the chat template renders it. The text around the turns is read off one
    rendered probe conversation, so that the template stays the only place that defines it.
    Outer white space of a text is dropped, and special tokens spelled out in a text count as
    white space: only the template writes control tokens. A prompt precedes every conversation and
    is part of its first turn, so no token of it is the agent's own.

    Attributes:
        tokenizer: Of the model.
        prompt: Messages before every task; None for nothing.
        template: The Jinja text of the chat template.
        stop_id: The token that ends an agent's turn.
        stop_ids: All tokens that end a turn when sampled: `stop_id`, the end of sequence, and those
            given.
        control_ids: `stop_ids` and all other special tokens.
        turn_form: The form of thought and action in a turn.
        action_label: The ids of the label before an action, ``Action:`` on a new line by default,
            after a thought.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        template: str | None = None,
        system_prompt: str = "",
        stop_ids: Iterable[int] = (),
        turn_form: str = "plain",
        prompt: Prompt | None = None,
    ) -> None:
        """Derive the turns from a template.

        Args:
            tokenizer: Any tokenizer that has the template's control tokens.
            template: One of `TEMPLATES`; None takes the tokenizer's own chat template.
            system_prompt: Text before the first turn, if not empty.
            stop_ids: Further tokens that end a turn when sampled.
            turn_form: One of `TURN_FORMS`.
            prompt: The messages before every task, and the labels of its observations.

        Raises:
            UserError: If there is no such template or form, or the tokenizer lacks the template's
                control tokens, or an earlier turn would be rendered otherwise once others follow.
        """
        if turn_form not in TURN_FORMS:
            raise UserError(
                f"no form of turns {turn_form!r}: choose one of {', '.join(TURN_FORMS)}"
            )
        self.tokenizer = tokenizer
        self.turn_form = TURN_FORMS[turn_form]
        self.prompt = prompt
        self._name = template or "of the tokenizer"
        self.template = _template_text(tokenizer, template)
        self._check_template()
        self._system_prompt = system_prompt
        self._specials = {
            token.content: token_id
            for token_id, token in sorted(tokenizer.added_tokens_decoder.items())
            if token.special
        }
        self._special_pattern = re.compile(
            "|".join(re.escape(text) for text in sorted(self._specials, key=len, reverse=True))
            or "(?!)"
        )
        self._derive_turns(frozenset(stop_ids))
        self._check_tokens()
        self.action_label = self._derive_label()
        self._action_ids: dict[str, tuple[int, ...] | None] = {}
        self._completing: dict[int, bool] = {}

    def first_turn(self, text: str) -> list[int]:
        """Return the ids from the start of the conversation to where the agent begins."""
        if self.prompt is None:
            return self._open(text)
        text = self.prompt.first_label + text
        return [*self.prefix, *self._answer(text)] if self.prefix else self._open(text)

    def next_turn(self, observation: str) -> list[int]:
        """Return the ids between the agent's stop token and where the agent begins again."""
        return self._answer((self.prompt.label if self.prompt else "") + observation)

    @cached_property
    def prefix(self) -> tuple[int, ...]:
        """The ids of the prompt, with which every conversation begins; empty without one."""
        token_ids: list[int] = []
        turns = self.prompt.turns if self.prompt else ()
        for user, agent in zip(turns[::2], turns[1::2], strict=True):
            token_ids += self._answer(user) if token_ids else self._open(user)
            token_ids += self._agent_ids(self._plain(agent))
        return tuple(token_ids)

    def with_prompt(self, prompt: Prompt | None) -> ChatFormat:
        """Return the same chat format with another prompt."""
        other = copy(self)
        other.prompt = prompt
        other.__dict__.pop("prefix", None)
        return other

    def _open(self, text: str) -> list[int]:
        return self._encode(self._opening + self._plain(text) + self._first_to_agent)

    def _answer(self, observation: str) -> list[int]:
        text = self._stop_text + self._to_user + self._plain(observation) + self._to_agent
        return self._encode(text)[1:]

    def agent_turn(self, thought: str, action: str) -> list[int]:
        """Return the ids of an agent's turn, stop token included."""
        return self._agent_ids(self.turn_form.format(self._plain(thought), self._plain(action)))

    def parse(self, token_ids: Sequence[int]) -> tuple[str, str]:
        """Return (thought, action) of a turn's ids, as the form of turns reads them."""
        return self.turn_form.parse(self.decode(token_ids))

    def action_ids(self, action: str) -> tuple[int, ...] | None:
        """Return the ids of an action after its label, stop token included.

        None where they would not be read as that action again, as with unknown words.
        """
        if action not in self._action_ids:
            whole = self.agent_turn("", action)
            label = self._agent_ids(self.turn_form.label)[: -len(self._encode(self._agent_close))]
            readable = whole[: len(label)] == label and self.parse(whole) == ("", action)
            self._action_ids[action] = tuple(whole[len(label) :]) if readable else None
        return self._action_ids[action]

    @cached_property
    def blank_ids(self) -> frozenset[int]:
        """All tokens without a text or with white space only."""
        every = range(len(self.tokenizer))
        return self.control_ids | {i for i in every if not self.decode([i])}

    def may_complete(self, token_id: int) -> bool:
        """Return whether a token may complete an action: with a line break in most forms."""
        if token_id not in self._completing:
            text = str(self.tokenizer.decode([token_id], clean_up_tokenization_spaces=False))
            self._completing[token_id] = self.turn_form.end in text
        return self._completing[token_id]

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of sampled ids without special tokens and outer white space."""
        text = self.tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return str(text).strip()

    def reads_like(self, other: ChatFormat) -> bool:
        """Return whether token ids of a conversation mean the same in another chat format."""
        return (
            self.template == other.template
            and self.turn_form is other.turn_form
            and self.tokenizer.get_vocab() == other.tokenizer.get_vocab()
        )

    def _agent_ids(self, text: str) -> list[int]:
        return self._encode(self._to_agent + self._agent_open + text + self._agent_close)[
            self._to_agent_count :
        ]

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)

    def _plain(self, text: str) -> str:
        return self._special_pattern.sub(" ", text).strip()

    def _render(self, users: Sequence[str], agents: Sequence[str], system_prompt: str) -> str:
        messages = [{"role": "system", "content": system_prompt}] if system_prompt else []
        for turn, user in enumerate(users):
            messages.append({"role": "user", "content": user})
            messages += [{"role": "assistant", "content": agent} for agent in agents[turn:][:1]]
        try:
            with time_limit(_MOST_SECONDS):
                text = self.tokenizer.apply_chat_template(
                    messages,
                    chat_template=self.template,
                    tokenize=False,
                    add_generation_prompt=True,
                )
        except Exception as error:  # a template is a program: it can fail in any way
            reason = " ".join(f"{error or type(error).__name__}".split())[:200]
            raise UserError(
                f"chat template {self._name} fails ({reason}): choose another template, or no "
                "system prompt"
            ) from error
        return str(text)

    def _check_template(self) -> None:
        changing = _CHANGING.search(self.template)
        if changing:
            raise UserError(
                f"chat template {self._name} renders the same conversation in different ways "
                f"({changing.group().strip('| ')}): choose one of {', '.join(TEMPLATES)}"
            )

    def _derive_turns(self, stop_ids: frozenset[int]) -> None:
        system = _SYSTEM if self._system_prompt else ""
        one, two, three = (
            self._render(_USERS[: n + 1], _AGENTS[:n], system) for n in range(len(_USERS))
        )
        later, last = two[len(one) :], three[len(two) :]
        again = later.replace(_AGENTS[0], _AGENTS[1]).replace(_USERS[1], _USERS[2])
        if not (two.startswith(one) and three.startswith(two) and again == last):
            raise UserError(
                f"chat template {self._name} renders earlier turns otherwise when later ones "
                f"follow: choose one of {', '.join(TEMPLATES)}"
            )
        opening, self._first_to_agent = self._split(one, _USERS[0])
        if system:
            before, after = self._split(opening, system)
            opening = before + self._plain(self._system_prompt) + after
        self._opening = opening
        self._agent_open, rest = self._split(later, _AGENTS[0])
        between, self._to_agent = self._split(rest, _USERS[1])
        stop = self._special_pattern.search(between)
        if stop is None:
            raise UserError(
                f"chat template {self._name} ends the agent's turn with {between!r}, which holds "
                "no special token of this tokenizer: choose another template"
            )
        self._agent_close, self._to_user = between[: stop.end()], between[stop.end() :]
        self._stop_text = stop.group()
        self.stop_id = self._specials[self._stop_text]
        eos = self.tokenizer.eos_token_id
        ends = {self.stop_id} if eos is None else {self.stop_id, eos}
        self.stop_ids = stop_ids | ends
        self.control_ids = self.stop_ids | frozenset(self._specials.values())
        self._to_agent_count = len(self._encode(self._to_agent))

    def _derive_label(self) -> tuple[int, ...]:
        start = self._to_agent + self._agent_open
        said = self.turn_form.format("so", "")
        thought = self._encode(start + said.partition(self.turn_form.label)[0].rstrip())
        whole = self._encode(start + said.partition(self.turn_form.label)[0] + self.turn_form.label)
        return tuple(whole[len(thought) :])

    def _split(self, text: str, probe: str) -> tuple[str, str]:
        if text.count(probe) != 1:
            raise UserError(
                f"chat template {self._name} leaves out or repeats a message: choose one of "
                f"{', '.join(TEMPLATES)}, or no system prompt"
            )
        before, _, after = text.partition(probe)
        return before, after

    def _check_tokens(self) -> None:
        text = self.turn_form.format("", "")
        whole = self._render([text] * 2, [text], self._plain(self._system_prompt))
        turns = self._open(text) + self._agent_ids(text) + self._answer(text)
        if turns != self._encode(whole):
            raise UserError(
                f"this tokenizer joins tokens across the turns of chat template {self._name}: "
                f"choose one of {', '.join(TEMPLATES)}"
            )


def _template_text(tokenizer: PreTrainedTokenizerBase, name: str | None) -> str:
    if name is None:
        own = tokenizer.chat_template
        if isinstance(own, dict):  # of named templates
            own = own.get("default")
        if not isinstance(own, str):
            raise UserError(
                f"the tokenizer has no chat template: choose one of {', '.join(TEMPLATES)}"
            )
        return own
    if name not in TEMPLATES:
        raise UserError(f"no chat template {name!r}: choose one of {', '.join(TEMPLATES)}")
    return (files("tratree.policy") / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
