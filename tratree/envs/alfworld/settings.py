"""``env=alfworld``: household text games."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from tratree.envs.settings import EnvSettings
from tratree.settings import Count, Seed, settings


@settings
class AlfworldSettings(EnvSettings):
    """ALFWorld on TextWorld's PDDL engine (alfworld 0.4.2)."""

    games: Literal["generated", "official"] = "generated"
    """generated: made on the spot from the tables in the alfworld package, no download; official:
    the released games, in `data`."""

    difficulty: Literal["small", "medium", "full"] = "small"
    """Size of generated games; full has scenes as large as the official ones. small is tuned for
    the tiny models."""

    train_games: Count = 600
    """Generated games in split train."""

    held_out_games: Count = 200
    """Generated games in each held-out split: 'seen' scenes and 'unseen' scenes."""

    games_seed: Seed = 0
    """Generated games are the same for every `seed`; another set of games has another
    games_seed."""

    data: str | None = None
    """Of official games: a folder with json_2.1.1/ or with compact *.jsonl.gz files; null: what
    the environment variable ALFWORLD_DATA names."""

    wording: Literal["move", "put"] = "move"
    """Wording of placing an object. move: as the games have it (since alfworld 0.4, `move X to
    Y`); put: `put X in/on Y`, as earlier games and models have it. Either is taken as an action."""

    expert: Literal["search", "walkthrough"] = "search"
    """Source of the expert's actions. search: what an agent sees; it reads only alfworld's own goal
    sentences. walkthrough: the solution in the game's file; any goal will do."""

    max_steps: Count = 30
    """Step limit of an episode. ETO's protocol has 40 on full-size scenes."""

    splits: dict[str, str] = field(
        default_factory=lambda: {
            "train": "train",
            "seen": "valid_seen",
            "unseen": "valid_unseen",
            "development": "development",
        }
    )
    """The environment's name of each split."""

    def __post_init__(self) -> None:
        """Check what must go together."""
        super().__post_init__()
        self.check_folder("data", read=self.games == "official", by="games=official")

    def task_numbers(self) -> dict[str, int]:
        """Return how many games each split has if they are generated."""
        if self.games == "official":
            return {}
        return {
            split: self.train_games if name == "train" else self.held_out_games
            for name, split in self.splits.items()
        }
