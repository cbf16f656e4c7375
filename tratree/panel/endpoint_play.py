"""Episodes of a model behind a chat endpoint, several at a time."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from tratree.envs.base import StepResult, TextEnv, trajectory_of
from tratree.panel.chat_endpoint import ChatEndpoint, ContextFullError, Message
from tratree.policy.prompt import Prompt
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.trajectory.turns import TurnForm
from tratree.trajectory.types import Step, Trajectory


@dataclass
class _Talk:
    """An episode under way."""

    form: TurnForm
    label: str
    episode: Episode
    env: TextEnv
    messages: list[Message]
    result: StepResult
    first_observation: str
    steps: list[Step] = field(default_factory=list)

    def hear(self, text: str, max_steps: int) -> bool:
        """Let the environment answer what the model said; return whether the episode ends."""
        said, thought, action = read_reply(text, self.form)
        self.result = self.env.step(action)
        self.steps.append(Step(thought, action, self.result.observation, valid=self.result.valid))
        self.messages += [
            {"role": "assistant", "content": said},
            {"role": "user", "content": self.label + self.result.observation},
        ]
        return self.result.finished or len(self.steps) >= min(max_steps, self.env.max_steps)

    def trajectory(self, source: str) -> Trajectory:
        """Return the trajectory of an episode that has ended."""
        return trajectory_of(
            *(self.episode.task, self.first_observation, self.steps, self.result),
            sample=self.episode.sample,
            source=source,
        )


def read_reply(text: str, form: TurnForm) -> tuple[str, str, str]:
    r"""Return what is kept of a reply, its thought, and its action.

    As in rollouts of token ids, a turn ends where its action is complete: what a model invents
    after it is dropped.

    >>> from tratree.trajectory.turns import TURN_FORMS
    >>> read_reply("Thought: a\nAction: look\nObservation: b", TURN_FORMS["react"])
    ('Thought: a\nAction: look', 'a', 'look')
    """
    starts = (text[: mark.end()] for mark in re.finditer(re.escape(form.end), text))
    kept = next((start for start in starts if form.is_whole(start)), text).strip()
    thought, action = form.parse(kept)
    return kept, thought, action


def play_on_endpoint(
    endpoint: ChatEndpoint,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    plan: RolloutPlan,
    system_prompt: str,
    prompt: Prompt | None,
    form: TurnForm,
) -> Iterator[Trajectory]:
    """Play episodes, several at a time; environments step in this thread.

    Args:
        endpoint: Endpoint whose model plays.
        make_env: Makes an environment; called at most once for each episode of a batch.
        episodes: Episodes to play.
        plan: Plan of the rollout; the batch size is the most requests at a time. The seed is sent
            with every request, and endpoints may ignore it; of the limits, steps and tokens
            of a turn count, because the endpoint knows its own context.
        system_prompt: Text before the first observation, if not empty.
        prompt: The messages before every task, and the labels of observations; None without one.
        form: In which turns are read.

    Yields:
        Trajectories as they end.

    Raises:
        UserError: If the endpoint fails.
    """
    limits, concurrent = plan.limits, plan.engine.batch_size
    waiting = deque(episodes)
    front = [{"role": "system", "content": system_prompt}] if system_prompt else []
    front += prompt.messages() if prompt else []
    first_label, label = (prompt.first_label, prompt.label) if prompt else ("", "")
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
                opening = {"role": "user", "content": first_label + result.observation}
                messages = [*front, opening]
                ask(_Talk(form, label, episode, env, messages, result, result.observation))
            for call in wait(speaking, return_when=FIRST_COMPLETED).done:
                talk = speaking.pop(call)
                try:
                    ended = talk.hear(call.result(), limits.max_steps)
                except ContextFullError:
                    if not talk.steps:
                        raise
                    ended = True  # unfinished, as one here whose context is full
                if ended:
                    idle.append(talk.env)
                    yield talk.trajectory(plan.source)
                else:
                    ask(talk)
    finally:
        threads.shutdown(cancel_futures=True)
        for env in envs:
            env.close()
