"""Playing WebShop in generated catalogues of its own, as a careless customer.

The player wishes for what the instruction says, or for what it makes up. It forgets words of its
wish, opens results, reads their features, chooses options, and buys on a whim, whatever it lacks.
It never sees the reward.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from transcript import Transcript

from tratree.composition import compose_config
from tratree.envs.registry import make_env, prepare_data
from tratree.envs.webshop.assortment import RANGES
from tratree.envs.webshop.environment import WebShopEnv
from tratree.envs.webshop.pages import SEPARATOR
from tratree.envs.webshop.wish import Wish, read_instruction

FIRST_CATALOGUE = 1_000_000
"""Smallest ``env.catalogue_seed`` of play; every chunk of transcripts has its own."""


@dataclass(frozen=True)
class Habits:
    """The player's habits; all are probabilities.

    Attributes:
        instructed: That it wishes for what the instruction says.
        forget: That it forgets a word or an option of its wish.
        first: That it opens the first result that it has not opened.
        thrifty: That it looks at prices, and passes over what costs too much.
        check: That it reads the features of a product.
        leave: That it leaves a product that lacks something.
        other: That it chooses something it did not wish for.
        again: That it opens another result of the same search.
        buy: That it buys what it looked at.
        silent: That it acts without a thought.
        mistake: That it clicks what is not on the page.
    """

    instructed: float = 0.8
    forget: float = 0.07
    first: float = 0.75
    thrifty: float = 0.6
    check: float = 0.6
    leave: float = 0.7
    other: float = 0.05
    again: float = 0.85
    buy: float = 0.85
    silent: float = 0.03
    mistake: float = 0.02


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
            Player(self._env, result.observation, transcript, Habits(), rng).play()

    def close(self) -> None:
        """End the environment."""
        self._env.close()


class Player:
    """Plays one episode."""

    def __init__(
        self,
        env: WebShopEnv,
        opening: str,
        transcript: Transcript,
        habits: Habits,
        rng: random.Random,
    ) -> None:
        """Begin on the page with the search bar, the `opening` of the episode."""
        self._env = env
        self._instruction = opening.split(SEPARATOR)[2]
        self._transcript = transcript
        self._habits = habits
        self._rng = rng
        self._parts: list[str] = []
        self._bought = False

    def play(self) -> None:
        """Play until something is bought or the transcript is full."""
        while not self._bought:
            wish = self._wish()
            self._act("search", f"search[{wish.keywords()}]")
            opened: set[str] = set()
            while self._open_result(opened, wish.bound):
                self._look(wish)
                if self._bought or not self._chance(self._habits.again):
                    break
                if "Next >" not in self._parts:
                    self._act("go back", "click[< Prev]")
            if not self._bought:
                self._act("go back", "click[Back to Search]")

    def _wish(self) -> Wish:
        """Return what to look for now: not all of what the instruction says, or a whim."""
        wish = read_instruction(self._instruction)
        if not self._chance(self._habits.instructed):
            whim = self._rng.choice(RANGES)
            words = [*self._rng.sample(whim.attributes, 2), self._rng.choice(whim.kinds)]
            options = {g: self._rng.choice(values) for g, values in whim.options.items()}
            return Wish("", tuple(" ".join(words).split()), options, float("inf"))
        words = [word for word in wish.words if not self._chance(self._habits.forget)]
        kept = {g: v for g, v in wish.options.items() if not self._chance(self._habits.forget)}
        bound = wish.bound if self._chance(self._habits.thrifty) else float("inf")
        return replace(wish, words=tuple(words or wish.words), options=kept, bound=bound)

    def _open_result(self, opened: set[str], bound: float) -> bool:
        """Open a result that was not opened yet, if there is one that costs little enough."""
        listed = zip(self._parts, self._parts[2:], strict=False)
        prices = {p: float(tag[1:]) for p, tag in listed if p.startswith("B0")}
        found = [asin for asin, price in prices.items() if asin not in opened and price <= bound]
        if not found:
            return False
        asin = found[0] if self._chance(self._habits.first) else self._rng.choice(found)
        opened.add(asin)
        self._act("compare", f"click[{asin}]")
        return True

    def _look(self, wish: Wish) -> None:
        """Look at the product that was opened; leave it, choose options, maybe buy."""
        wanted = list(wish.options.values())
        missing = [value for value in wanted if value not in self._parts]
        if missing and self._chance(self._habits.leave):
            self._act(f"no {missing[0]}", "click[< Prev]")
            return
        lacking = wish.lacking(self._parts)
        if lacking and self._chance(self._habits.check):
            self._act("check features", "click[Features]")
            read = wish.lacking(self._parts)
            lacking = tuple(word for word in lacking if word in read)
            self._act(f"no {lacking[0]}" if lacking else "good", "click[< Prev]")
            if lacking and self._chance(self._habits.leave):
                self._act(f"no {lacking[0]}", "click[< Prev]")
                return
        values = [a[6:-1] for a in self._env.admissible() if a[6:7].islower() or a[6:7].isdigit()]
        if self._chance(self._habits.other):
            self._choose(self._rng.choice(values))
        for value in [part for part in self._parts if part in wanted]:
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
