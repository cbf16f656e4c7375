"""Play as text: what the recorders write and the tokenizer reads."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MARKS = 6
"""Tokens of a turn that are not words: labels, roles and ends."""


class TranscriptIsFullError(Exception):
    """The number of words asked for is reached."""


@dataclass
class Transcript:
    """Episodes one after the other, until there are `words` words.

    Attributes:
        words: Number of those still to come; a word is at least one token.
        episodes: Each has an ``opening`` and ``turns`` of [thought, action, observation].
    """

    words: int
    episodes: list[dict[str, Any]] = field(default_factory=list)

    def open(self, opening: str) -> None:
        """Begin an episode with what the environment shows first."""
        self.episodes.append({"opening": opening, "turns": []})
        self._count(opening)

    def add(self, thought: str, action: str, observation: str) -> None:
        """Add a turn of the episode under way.

        Raises:
            TranscriptIsFullError: If that was enough.
        """
        self.episodes[-1]["turns"].append([thought, action, observation])
        self._count(f"{thought} {action} {observation}")
        if self.words <= 0:
            raise TranscriptIsFullError

    def texts(self) -> Iterator[str]:
        """Yield everything that was shown, thought or done."""
        for episode in self.episodes:
            yield episode["opening"]
            for turn in episode["turns"]:
                yield from turn

    def _count(self, text: str) -> None:
        self.words -= len(text.split()) + _MARKS


def write_transcripts(path: Path, transcripts: list[Transcript]) -> None:
    """Write a file, whole or not at all."""
    draft = path.with_suffix(".draft")
    with gzip.open(draft, "wt", encoding="utf-8") as file:
        for transcript in transcripts:
            file.write(json.dumps(transcript.episodes) + "\n")
    draft.rename(path)


def read_transcripts(folder: Path) -> Iterator[Transcript]:
    """Read all files of a folder in the order of their names."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield Transcript(0, json.loads(line))
