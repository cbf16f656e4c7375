"""WebShop as a `TextEnv`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tratree.envs.base import Expert, StepResult
from tratree.envs.webshop.actions import folded, loosened, one_line, read_action
from tratree.envs.webshop.catalogue import Product
from tratree.envs.webshop.expert import CarefulBuyer
from tratree.envs.webshop.goals import Goal
from tratree.envs.webshop.nouns import Tagger
from tratree.envs.webshop.pages import Page, PageStyle, links, text
from tratree.envs.webshop.prices import purchase_price
from tratree.envs.webshop.reward import reward
from tratree.envs.webshop.search import SearchIndex
from tratree.envs.webshop.splits import shared_goals
from tratree.errors import UserError
from tratree.trajectory.types import Task
from tratree.words import counted

_FOUND_AT_MOST = 50


class WebShopEnv:
    """Plays goals on a catalogue.

    ``search[words]`` works on every page, ``click[text]`` for what the page offers, regardless of
    case and spacing. Anything else leaves the page as it is. The score is 0 until ``Buy Now``
    ends the episode with the reward of the purchase; a reward of 1 is a success.

    Args:
        products: The catalogue.
        goals: Goals that can be asked for; task ``webshop_7`` is goal 7.
        splits: The numbers of the goals of each split.
        style: Look of the pages.
        nouns: Finds the nouns of a title, for the reward.
        price_seed: Decides what a product with a range of prices costs.
        max_steps: Step limit of the evaluation protocol; ETO's is 10.
        forgiving: Whether clicks are read without articles and a full stop at the end, too.
        left_out: Number of goals of a split that were taken out, as another one asks for the same.
    """

    def __init__(
        self,
        products: Sequence[Product],
        goals: Sequence[Goal],
        splits: Mapping[str, Sequence[int]],
        *,
        style: PageStyle,
        nouns: Tagger,
        price_seed: int,
        max_steps: int,
        forgiving: bool = False,
        left_out: Mapping[str, int] | None = None,
    ) -> None:
        self.max_steps = max_steps
        self._index = SearchIndex(products)
        self._goals = {f"webshop_{number}": goal for number, goal in enumerate(goals)}
        self._splits = splits
        self._style = style
        self._nouns = nouns
        self._price_seed = price_seed
        self._forgiving = forgiving
        self._left_out = left_out or {}
        self._goal: Goal | None = None
        self._page = Page()
        self._latest = StepResult("")

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split in a fixed order.

        Raises:
            UserError: If there is no such split, or it has no goals.
        """
        if split not in self._splits:
            raise UserError(
                f"WebShop has no split {split!r}: use one of {', '.join(sorted(self._splits))}"
            )
        names = [f"webshop_{number}" for number in self._splits[split]]
        if not names:
            raise UserError(
                f"split {split!r} is empty, as there are only {counted(len(self._goals), 'goal')}: "
                "use a catalogue with more products"
            )
        return [
            Task(name, split, self._goals[name].product.category, self._goals[name].instruction)
            for name in names
        ]

    def notes(self, split: str) -> list[str]:
        """Return how many goals ask for the same as those of another split."""
        notes = []
        if self._left_out.get(split):
            notes.append(
                f"left out: {counted(self._left_out[split], 'goal')} that a held-out split also "
                "has, apart from the price (env.distinct_goals=true)"
            )
        shared = shared_goals(list(self._goals.values()), self._splits).get(split)
        if shared:
            notes.append(
                f"{counted(shared, 'goal')} also for training, apart from the price: "
                "env.distinct_goals=true leaves them out of training"
            )
        return notes

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task`.

        Raises:
            UserError: If there is no such goal.
        """
        if task.task_id not in self._goals:
            raise UserError(
                f"no goal {task.task_id} in this catalogue: correct the task id, or use the "
                "catalogue that it comes from"
            )
        self._goal = self._goals[task.task_id]
        return self._show(Page())

    def step(self, action: str) -> StepResult:
        """Send one action; once the episode is over, repeat its last result.

        Raises:
            UserError: If no episode was started.
        """
        self._started()
        if self._latest.finished:
            return self._latest
        page = self._target(action)
        if page is None:
            return replace(self._latest, valid=False)
        return self._show(page)

    def admissible(self) -> list[str]:
        """Return the actions that the environment would accept now, sorted; none after the end.

        Of searches there is one, for the instruction, on the page with the search bar.

        Raises:
            UserError: If no episode was started.
        """
        goal = self._started()
        if self._page.kind == "search":
            return [f"search[{one_line(goal.instruction)}]"]
        return sorted({f"click[{one_line(label)}]" for label in links(self._page, self._style)})

    def state_key(self) -> str:
        """Return the page: its kind, what the search found, the product and its options.

        Raises:
            UserError: If no episode was started.
        """
        self._started()
        page = self._page
        found = [product.asin for product in page.found]
        opened = None if page.product is None else page.product.asin
        options = sorted(page.options.items())
        return json.dumps([page.kind, found, page.number, opened, options])

    def expert(self, task: Task) -> Expert:
        """Return a fresh expert for an episode of `task`: it sees what an agent sees."""
        return CarefulBuyer(task.instruction, self.admissible, self.max_steps)

    def close(self) -> None:
        """End the episode; may be called twice."""
        self._goal = None

    def _started(self) -> Goal:
        if self._goal is None:
            raise UserError("reset the environment with a task before the first step")
        return self._goal

    def _target(self, action: str) -> Page | None:
        """Return the page that an action leads to, None if it does nothing."""
        verb, argument = read_action(action)
        if verb == "search":
            found = self._index.search(argument, _FOUND_AT_MOST)
            return Page("results", found) if argument else None
        if verb != "click":
            return None
        offered = links(self._page, self._style)
        targets = {folded(label): page for label, page in offered.items()}
        if self._forgiving and argument not in targets:
            targets = {loosened(label): page for label, page in offered.items()}
            argument = loosened(argument)
        return targets.get(argument)

    def _show(self, page: Page) -> StepResult:
        goal = self._started()
        self._page = page
        score = 0.0
        finished = page.kind == "done"
        if finished and page.product is not None:
            price = purchase_price(page.product, self._price_seed)
            score = reward(page.product, page.options, price, goal, self._nouns)
        observation = text(page, goal.instruction, self._style, score)
        self._latest = StepResult(observation, score, success=score == 1.0, finished=finished)
        return self._latest
