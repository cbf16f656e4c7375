"""Episodes of a model behind an OpenAI-compatible chat endpoint: texts in, texts out."""

from __future__ import annotations

import json
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx
from annotated_types import MinLen
from typing_extensions import TypedDict

from tratree.documents import checked, parse_json
from tratree.envs.base import StepResult, TextEnv
from tratree.errors import UserError
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.sampling import SamplingSettings
from tratree.policy.server_address import address_fault
from tratree.trajectory.turns import parse_turn
from tratree.trajectory.types import Step, Trajectory

API_KEY = "OPENAI_API_KEY"
"""The environment variable with the endpoint's key, if it needs one."""

_SECONDS = 300.0
_TRIES = 5
_BUSY = (408, 409, 429, 500, 502, 503, 504)
_NAME = re.compile(r"[\w./:@+-]{1,100}")
"""A name of a model that a message may repeat."""

Message = dict[str, str]


class _Card(TypedDict):
    id: str


class _Models(TypedDict):
    data: list[_Card]


class _Said(TypedDict):
    content: str | None


class _Choice(TypedDict):
    message: _Said


class _Answer(TypedDict):
    choices: Annotated[list[_Choice], MinLen(1)]


class ChatEndpoint:
    """A model behind ``URL/chat/completions``.

    Args:
        url: Such as ``http://localhost:8000/v1``.
        model: The name that the endpoint knows it by; None takes the only one it serves.
        pause: Seconds before a busy endpoint is asked again, doubled each time.

    Raises:
        UserError: If the address is malformed or holds a password, it does not answer, or it
            serves several models and `model` is None. No message repeats what it answers.
    """

    def __init__(self, url: str, model: str | None = None, pause: float = 1.0) -> None:
        if fault := address_fault(url, "the address of the endpoint", API_KEY):
            raise UserError(fault)
        key = os.environ.get(API_KEY)
        self.url = url.rstrip("/")
        self._pause = pause
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=_SECONDS
        )
        self.model = model or self._only_model()

    def say(
        self, messages: Sequence[Message], sampling: SamplingSettings, max_tokens: int, seed: int
    ) -> str:
        """Return the model's next message. Safe to call from several threads.

        Raises:
            UserError: If the endpoint refuses, or stays busy.
        """
        request: dict[str, Any] = {
            "model": self.model,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed,
        }
        said: _Answer = self._send("POST", "chat/completions", _Answer, request)
        return said["choices"][0]["message"]["content"] or ""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _only_model(self) -> str:
        served: _Models = self._send("GET", "models", _Models)
        names = [card["id"] for card in served["data"]]
        if len(names) != 1:
            listed = ", ".join(name for name in names[:10] if _NAME.fullmatch(name)) or "no model"
            raise UserError(f"{self.url} serves {listed}: choose one with --served-model NAME")
        return names[0]

    def _send(
        self, method: str, path: str, shape: Any, request: dict[str, Any] | None = None
    ) -> Any:
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(self._pause * 2 ** (attempt - 1))
            try:
                answer = self._client.request(method, f"{self.url}/{path}", json=request)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                reason = type(error).__name__
                continue
            if answer.is_success:
                try:
                    data = checked(parse_json(answer.content.decode("utf-8")), shape)
                    json.dumps(data, ensure_ascii=False).encode()  # refuses half a surrogate pair
                except ValueError:  # which may repeat what the endpoint says
                    raise UserError(
                        f"the answer of {self.url}/{path} is not that of a chat model: is it the "
                        "address of an OpenAI-compatible interface, which often ends in /v1?"
                    ) from None
                return data
            reason = f"status {answer.status_code}"
            if answer.status_code not in _BUSY:
                break
        raise UserError(
            f"the endpoint {self.url}/{path} does not answer ({reason}; its own log says why): "
            "correct that, then run the same command again, which resumes; a key is read from "
            f"{API_KEY}"
        ) from None


@dataclass
class _Talk:
    """An episode under way."""

    episode: Episode
    env: TextEnv
    messages: list[Message]
    result: StepResult
    first_observation: str
    steps: list[Step] = field(default_factory=list)

    def hear(self, text: str, max_steps: int) -> bool:
        """Let the environment answer what the model said; return whether the episode ends."""
        said, thought, action = read_reply(text)
        self.result = self.env.step(action)
        self.steps.append(Step(thought, action, self.result.observation, valid=self.result.valid))
        self.messages += [
            {"role": "assistant", "content": said},
            {"role": "user", "content": self.result.observation},
        ]
        return self.result.finished or len(self.steps) >= min(max_steps, self.env.max_steps)

    def trajectory(self, source: str) -> Trajectory:
        """Return the trajectory of an episode that has ended."""
        return Trajectory(
            task=self.episode.task,
            first_observation=self.first_observation,
            steps=tuple(self.steps),
            score=self.result.score,
            success=self.result.success,
            finished=self.result.finished,
            sample=self.episode.sample,
            source=source,
        )


def read_reply(text: str) -> tuple[str, str, str]:
    r"""Return what is kept of a reply, its thought, and its action.

    As in rollouts of token ids, a turn ends with the line of its action: what a model invents
    after it is dropped.

    >>> read_reply("Thought: a\nAction: look\nObservation: b")
    ('Thought: a\nAction: look', 'a', 'look')
    """
    thought, action = parse_turn(text)
    line = action.split("\n", 1)[0].strip()
    kept = text.strip()
    if line != action:
        kept = kept[: kept.rindex(action) + len(line)] if line else kept
    return kept, thought, line


def play_on_endpoint(
    endpoint: ChatEndpoint,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    plan: RolloutPlan,
    system_prompt: str,
) -> Iterator[Trajectory]:
    """Play episodes, several at a time; environments step in this thread.

    Args:
        endpoint: Whose model plays.
        make_env: Makes an environment; called at most once for each episode of a batch.
        episodes: What to play.
        plan: How; the batch size is the most requests at a time. The seed is sent with every
            request, and endpoints may ignore it; of the limits, steps and tokens of a turn count,
            because the endpoint knows its own context.
        system_prompt: Text before the first observation, if not empty.

    Yields:
        Trajectories as they end.

    Raises:
        UserError: If the endpoint fails.
    """
    limits, concurrent = plan.limits, plan.engine.batch_size
    waiting = deque(episodes)
    envs: list[TextEnv] = []
    idle: list[TextEnv] = []
    speaking: dict[Future[str], _Talk] = {}
    threads = ThreadPoolExecutor(concurrent)

    def ask(talk: _Talk) -> None:
        call = threads.submit(
            endpoint.say,
            tuple(talk.messages),
            talk.episode.sampling,
            limits.max_new_tokens,
            plan.seed,
        )
        speaking[call] = talk

    try:
        while waiting or speaking:
            while waiting and len(speaking) < concurrent:
                if not idle:
                    envs.append(make_env())
                    idle.append(envs[-1])
                episode, env = waiting.popleft(), idle.pop()
                result = env.reset(episode.task)
                system = [{"role": "system", "content": system_prompt}] if system_prompt else []
                opening = {"role": "user", "content": result.observation}
                ask(_Talk(episode, env, [*system, opening], result, result.observation))
            for call in wait(speaking, return_when=FIRST_COMPLETED).done:
                talk = speaking.pop(call)
                if talk.hear(call.result(), limits.max_steps):
                    idle.append(talk.env)
                    yield talk.trajectory(plan.source)
                else:
                    ask(talk)
    finally:
        threads.shutdown(cancel_futures=True)
        for env in envs:
            env.close()
