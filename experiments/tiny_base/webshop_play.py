"""Playing WebShop in generated catalogues of its own, with wishes of its own.

The player searches for what it makes up, or for words of the page before it. It opens results,
reads their features, chooses options, and now and then buys. It reads neither the instruction nor
the reward, nor does it care for prices.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from pathlib import Path

from transcript import Transcript

from tratree.cli.compose import compose_config
from tratree.envs.registry import make_env, prepare_data
from tratree.envs.webshop.assortment import BRANDS, RANGES
from tratree.envs.webshop.environment import WebShopEnv
from tratree.envs.webshop.pages import SEPARATOR

FIRST_CATALOGUE = 1_000_000
"""Smallest ``env.catalogue_seed`` of play; every chunk of transcripts has its own."""


@dataclass(frozen=True)
class Habits:
    """How the player behaves; all are probabilities.

    Attributes:
        copy: That it searches for words of the page before it.
        brand: That it names a brand.
        first: That it opens the first result that it has not opened.
        page: That it turns a page of results.
        check: That it reads the features of a product.
        leave: That it leaves a product that lacks something.
        other: That it chooses something it did not search for.
        again: That it opens another result of the same search.
        buy: That it buys what it looked at.
        silent: That it acts without a thought.
        mistake: That it clicks what is not on the page.
    """

    copy: float = 0.3
    brand: float = 0.2
    first: float = 0.5
    page: float = 0.05
    check: float = 0.45
    leave: float = 0.6
    other: float = 0.1
    again: float = 0.5
    buy: float = 0.3
    silent: float = 0.05
    mistake: float = 0.03


def prepare(root: Path, transcripts: int) -> None:
    """Do nothing: every playground makes its own catalogue."""


class Playground:
    """Plays episode after episode in one catalogue."""

    def __init__(self, root: Path, start: int) -> None:
        """Generate the catalogue."""
        settings = asdict(compose_config(["env=webshop"]).env)
        settings["catalogue_seed"] = FIRST_CATALOGUE + start
        folder = root / "catalogues" / str(start)
        folder.mkdir(parents=True, exist_ok=True)
        prepare_data(settings, folder, lambda done, total: None)
        self._env = make_env(settings, folder, folder)
        self._tasks = [t for split in settings["splits"].values() for t in self._env.tasks(split)]

    def play(self, number: int, transcript: Transcript, rng: random.Random) -> None:
        """Play until the transcript is full."""
        assert isinstance(self._env, WebShopEnv)
        while True:
            result = self._env.reset(rng.choice(self._tasks))
            transcript.open(result.observation)
            Player(self._env, transcript, Habits(), rng).play()

    def close(self) -> None:
        """End the environment."""
        self._env.close()


class Player:
    """Plays one episode."""

    def __init__(
        self, env: WebShopEnv, transcript: Transcript, habits: Habits, rng: random.Random
    ) -> None:
        """Begin on the page with the search bar."""
        self._env = env
        self._transcript = transcript
        self._habits = habits
        self._rng = rng
        self._parts: list[str] = []
        self._bought = False

    def play(self) -> None:
        """Play until something is bought or the transcript is full."""
        while not self._bought:
            words, wanted = self._wish()
            self._act("search", f"search[{' '.join(words)}]")
            opened: set[str] = set()
            while self._open_result(opened):
                self._look(words, wanted)
                if self._bought or not self._chance(self._habits.again):
                    break
                if "Next >" not in self._parts:
                    self._act("go back", "click[< Prev]")
            if not self._bought:
                self._act("go back", "click[Back to Search]")

    def _wish(self) -> tuple[list[str], list[str]]:
        """Return search words in an order of their own, and option values among them."""
        chosen = self._rng.choice(RANGES)
        if len(self._parts) > 3 and self._chance(self._habits.copy):
            parts = [part for part in self._parts[2:] if part[0].islower()]
            if parts:
                count = min(len(parts), self._rng.randint(1, 4))
                return [w for p in self._rng.sample(parts, count) for w in p.split()], []
        words = self._rng.sample(chosen.attributes, self._rng.randint(1, 2))
        words.append(self._rng.choice(chosen.kinds))
        if self._chance(self._habits.brand):
            words.append(self._rng.choice(BRANDS))
        wanted = [self._rng.choice(values) for values in chosen.options.values()]
        wanted = self._rng.sample(wanted, self._rng.randint(0, len(wanted)))
        return [word for name in [*words, *wanted] for word in name.split()], wanted

    def _open_result(self, opened: set[str]) -> bool:
        """Open a result that was not opened yet, if there is one."""
        if self._chance(self._habits.page):
            self._act("next", "click[Next >]")
        found = [p for p in self._parts if p.startswith("B0") and p not in opened]
        if not found:
            return False
        asin = found[0] if self._chance(self._habits.first) else self._rng.choice(found)
        opened.add(asin)
        self._act("compare", f"click[{asin}]")
        return True

    def _look(self, words: list[str], wanted: list[str]) -> None:
        """Look at the product that was opened; leave it, choose options, maybe buy."""
        missing = [value for value in wanted if value not in self._parts]
        if missing and self._chance(self._habits.leave):
            self._act(f"no {missing[0]}", "click[< Prev]")
            return
        if self._chance(self._habits.check):
            self._act("check features", "click[Features]")
            read = set(" ".join(self._parts).split())
            lacking = [w for w in words if w not in {*read, *wanted} and w not in BRANDS]
            lacking = [w for w in lacking if not any(w in r.kinds for r in RANGES)]
            self._act(f"no {lacking[0]}" if lacking else "good", "click[< Prev]")
            if lacking and self._chance(self._habits.leave):
                self._act(f"no {lacking[0]}", "click[< Prev]")
                return
        if self._chance(self._habits.other):
            values = [a[6:-1] for a in self._env.admissible() if a[6:7].islower()]
            self._choose(self._rng.choice(values))
        for value in wanted:
            if value in self._parts:
                self._choose(value)
        if self._chance(self._habits.buy):
            self._act("buy", "click[Buy Now]")

    def _choose(self, value: str) -> None:
        self._act(f"choose {value}", f"click[{value}]")

    def _act(self, thought: str, action: str) -> None:
        if self._chance(self._habits.mistake):
            chosen = self._rng.choice(RANGES)
            value = self._rng.choice(self._rng.choice(sorted(chosen.options.values())))
            self._send(f"choose {value}", f"click[{value}]")
        self._send("" if self._chance(self._habits.silent) else thought, action)

    def _send(self, thought: str, action: str) -> None:
        result = self._env.step(action)
        self._parts = result.observation.split(SEPARATOR)
        self._bought = result.finished
        if self._bought:
            self._transcript.add(thought, action, "")
        else:
            self._transcript.add(thought, action, result.observation)

    def _chance(self, probability: float) -> bool:
        return self._rng.random() < probability
