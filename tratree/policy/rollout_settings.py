"""Settings of a rollout's episodes, and ``rollout=…``; imports nothing heavy."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tratree.errors import UserError
from tratree.policy.machine_settings import EngineSettings, ServerSettings, WorkerSettings
from tratree.policy.places import Places
from tratree.settings import Count, NotNegative, Whole, settings
from tratree.trajectory.types import Step, Task

if TYPE_CHECKING:
    from tratree.policy.chat import ChatFormat

Constraint = Literal["none", "well_formed", "admissible"]
FromTwo = Annotated[int, Field(strict=True, ge=2, le=10**9)]


@settings
class SamplingSettings:
    """Sampling of tokens from a policy."""

    temperature: NotNegative
    """Divides the logits; 0 takes the most likely token."""

    top_p: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    """Keeps the fewest most likely tokens whose probabilities reach this sum."""

    top_k: Whole = 0
    """Keeps this many most likely tokens; 0 keeps all."""

    min_p: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.0
    """Keeps tokens at least this many times as probable as the most likely one."""


@dataclass(frozen=True)
class Episode:
    """One attempt at a task.

    Attributes:
        task: Task to attempt.
        sample: Number of this attempt at the task, from 0; part of the random key.
        sampling: Settings by which its tokens are drawn.
        begins: First steps, of an earlier trajectory of the task; they are played again, and the
            agent continues from there.
    """

    task: Task
    sample: int
    sampling: SamplingSettings
    begins: tuple[Step, ...] = ()


@settings
class TurnLimits:
    """Limits that cut an agent's turn.

    A turn that is cut ends with the stop token, which is then no target of a training. A turn also
    ends with the line of its action: what a model writes after it is not kept.
    """

    _: KW_ONLY

    max_new_tokens: FromTwo
    """Longest turn of the agent in tokens: its thought, its action and the stop token."""

    max_thought_tokens: Count | None = None
    """A thought of this many tokens is cut, and the label of the action is put after it; null: no
    limit."""

    max_repeats: FromTwo | None = None
    """Without a constraint, a turn that says the same up to 16 tokens this many times in a row is
    cut; null: no limit."""


@settings
class RolloutLimits(TurnLimits):
    """Form of an agent's turn, and limits of turns and episodes."""

    _: KW_ONLY

    max_steps: Count
    """Most agent steps of an episode."""

    max_context: Count
    """Most tokens of an episode. One that has no room for another whole turn ends unfinished."""

    constraint: Constraint = "none"
    """As in `RolloutSettings`. With one, a thought without a limit of its own may take half of the
    turn."""

    @property
    def thought_tokens(self) -> int | None:
        """Most tokens before the label of the action; None without a limit."""
        if self.max_thought_tokens is None and self.constraint != "none":
            return self.max_new_tokens // 2
        return self.max_thought_tokens

    def check_prompt(self, chat: ChatFormat) -> None:
        """Check that the prompt leaves room for a turn.

        Raises:
            UserError: If it does not.
        """
        needed = len(chat.prefix) + self.max_new_tokens
        if chat.prefix and needed >= self.max_context:
            raise UserError(
                f"the prompt has {len(chat.prefix)} tokens and a turn {self.max_new_tokens}, so a "
                f"context of {self.max_context} has no room for a task: set model.context to more "
                f"than {needed}, or give a shorter env.prompt"
            )

    def check_label(self, chat: ChatFormat) -> None:
        """Check that label and action fit after the longest thought.

        Raises:
            UserError: If they do not.
        """
        if self.thought_tokens is None:
            return
        needed = self.thought_tokens + len(chat.action_label) + 2
        if needed > self.max_new_tokens:
            raise UserError(
                f"a thought of {self.thought_tokens} tokens leaves no room for an action: set "
                f"max_new_tokens to {needed} or more, or max_thought_tokens lower"
            )


@dataclass(frozen=True)
class RolloutPlan:
    """A plan by which episodes are played; picklable, because worker processes are given it.

    Attributes:
        seed: Random seed.
        stage: Name of what the episodes are for; another name gives other draws.
        source: Label of the trajectories.
        limits: Limits at which turns and episodes are cut.
        engine: Use of the machine by each worker; those of one GPU, or of one CPU, share its
            `cache_gib`.
        workers: Number of processes, and when one is replaced. They share PyTorch's threads.
        places: Places of them; None: on this machine's CPU.
    """

    seed: int
    stage: str
    source: str
    limits: RolloutLimits
    engine: EngineSettings
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    places: Places | None = None


@settings
class RolloutSettings(WorkerSettings, EngineSettings, ServerSettings):
    """``rollout.*``: how episodes are played (tratree/policy/README.md)."""

    constraint: Constraint = "none"
    """none; well_formed: every turn has an action; admissible: one that the environment accepts
    now."""

    engine: Literal["transformers", "vllm"] = "transformers"
    """transformers: in this program; vllm: by the servers that `servers` names."""

    batch_invariant: bool = False
    """vLLM servers answer the same whatever else they compute at the same time, more slowly: those
    of servers=auto are started with VLLM_BATCH_INVARIANT=1, as others must be."""
