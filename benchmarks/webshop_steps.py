"""Opening and stepping WebShop with catalogues of several sizes.

Each size runs in its own process, so that its memory can be measured. The actions are drawn from
the admissible ones: a search for the instruction on the first page, clicks on the others.

    python benchmarks/webshop_steps.py --products 1000 100000 --steps 5000
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tratree.envs.webshop.catalogue import Product, read_products
from tratree.envs.webshop.environment import WebShopEnv
from tratree.envs.webshop.generated_catalogue import generate_catalogue
from tratree.envs.webshop.goals import Goal, synthetic_goals
from tratree.envs.webshop.nouns import lexicon_nouns
from tratree.envs.webshop.settings import WebShopSettings
from tratree.envs.webshop.terms import terms


def measure(folder: Path, steps: int) -> dict[str, Any]:
    """Return times, and the peak of this process's memory after each phase."""
    terms("loads the stemmer")
    seconds: dict[str, float] = {}
    peaks = {"start": _peak_mib()}

    def timed(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        seconds[name], result = _timed(function, *arguments)
        peaks[name] = _peak_mib()
        return result

    products = timed("read", read_products, folder, None)
    goals = timed("goals", synthetic_goals, products, 0)
    env = timed("index", _open, products, goals)
    searching, clicking = timed("play", _play, env, steps)
    return {
        "products": len(products),
        "goals": len(goals),
        "steps_per_second": round(steps / (sum(searching) + sum(clicking))),
        "search_milliseconds": round(1000 * sum(searching) / len(searching), 3),
        "click_milliseconds": round(1000 * sum(clicking) / len(clicking), 3),
        **{f"{name}_seconds": round(value, 2) for name, value in seconds.items()},
        **{f"{name}_peak_mib": round(value) for name, value in peaks.items()},
    }


def _open(products: list[Product], goals: list[Goal]) -> WebShopEnv:
    return WebShopEnv(
        products,
        goals,
        {"some": range(min(1000, len(goals)))},
        WebShopSettings(name="webshop", pages="official"),
        lexicon_nouns,
    )


def _play(env: WebShopEnv, steps: int) -> tuple[list[float], list[float]]:
    """Play at random; return the seconds of each search and of each click."""
    rng = random.Random(0)
    tasks = env.tasks("some")
    searching: list[float] = []
    clicking: list[float] = []
    finished = True
    for _ in range(steps):
        if finished:
            env.reset(rng.choice(tasks))
        action = rng.choice(env.admissible())
        seconds, result = _timed(env.step, action)
        (searching if action.startswith("search") else clicking).append(seconds)
        finished = result.finished
    return searching, clicking


def _timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Read the arguments, measure each size, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--products", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--steps", type=int, default=5000)
    arguments = parser.parse_args()
    results = []
    for products in arguments.products:
        with (
            tempfile.TemporaryDirectory() as folder,
            multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool,
        ):
            generating, _ = _timed(pool.apply, generate_catalogue, (Path(folder), products, 0))
            measured = pool.apply(measure, (Path(folder), arguments.steps))
            results.append({**measured, "generate_seconds": round(generating, 2)})
    print(json.dumps({"benchmark": "webshop_steps", "sizes": results}))


if __name__ == "__main__":
    main()
