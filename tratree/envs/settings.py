"""The settings that every environment has."""

from __future__ import annotations

from dataclasses import KW_ONLY, field

from tratree.settings import Count, Text, Whole, settings


@settings
class PromptSettings:
    """``env.prompt.*``: what precedes every task, for every model, in training and playing.

    The rules, the answer "OK", and worked examples as turns, from files in ETO's formats.
    """

    rules: Text | None = None
    """A text file; null: none."""

    examples: Text | None = None
    """A JSON list of examples, each a list of messages; null: none."""

    count: Whole = 1
    """Number of examples shown, the first ones (ETO: 1)."""

    required: bool = False
    """Refuse a run without both files."""


@settings
class EnvSettings:
    """``env=…``; an environment extends this class with its own keys."""

    _: KW_ONLY

    name: str
    """The environment."""

    target: Text | None = None
    """package.module:NAME of an environment that is not installed as a plug-in; null: the one
    called `name`."""

    max_steps: Count
    """Step limit of an episode, in steps of the agent."""

    splits: dict[str, str] = field(default_factory=lambda: {"train": "train", "test": "test"})
    """The environment's name of each split; train is among them."""

    show_admissible: bool = False
    """End each observation with the actions that the environment would accept now, as
    agents of the ReAct kind expect ("AVAILABLE ACTIONS: …"; give them a longer model.context)."""

    show_at_most: Count | None = None
    """Most actions that `show_admissible` lists, those of every verb in turn; null: all.
    ScienceWorld has hundreds, more than the tiny models can read."""

    forgiving: bool = False
    """Read actions forgivingly: a full stop at the end, and what else the environment
    passes over. It is part of the protocol: compare only results that were played alike."""

    prompt: PromptSettings = PromptSettings()
    """Text before every task."""

    def __post_init__(self) -> None:
        """Check what must go together."""
        if "train" not in self.splits:
            raise ValueError("splits has no train: name the split that demonstrations are of")

    def task_numbers(self) -> dict[str, int]:
        """Return how many tasks the splits have, by the environment's names; none if data tell."""
        return {}

    def check_folder(self, key: str, *, read: bool, by: str) -> None:
        """Check that a folder which a user names is `read` with the other settings."""
        if not read and (folder := getattr(self, key)) is not None:
            raise ValueError(
                f"{key}={folder} is not read without env.{by}: set it, too, or leave env.{key} out"
            )
