"""Collect the words that ScienceWorld shows and understands in the tasks of the default run.

The simulator keeps its texts in a program, so this looks at every room of a third of the variations
(of all splits: it reads words only), lets time pass, and tries actions of all kinds. Words of
recorded play are added.

    python recipes/tiny_three/scienceworld_words.py --play WORK/play/scienceworld
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from build_tokenizer import SCIENCEWORLD_WORDS, split_words
from scienceworld_play import HOUSE, World
from transcript import read_transcripts

from tratree.composition import compose_config

EVERY, TRY_EVERY, TRIES = 3, 10, 40
LATER = ("wait", "wait")


def texts(simulator: World, names: list[str]) -> Iterator[str]:
    """Yield texts of the simulator."""
    for name in names:
        splits = simulator.variations(name)
        variations = sorted(v for split in splits.values() for v in split)[::EVERY]
        for count, variation in enumerate(variations):
            yield simulator.load(name, variation)
            try_out = count % TRY_EVERY == 0
            for room in sorted(HOUSE):
                yield simulator.step(f"teleport to {room}").observation
                yield simulator.step("look around").observation
                yield from simulator.objects()
                if try_out and room == sorted(HOUSE)[count // TRY_EVERY % len(HOUSE)]:
                    yield from _replies(simulator, random.Random(f"{name} {variation}"))
            for wait in LATER if try_out else ():
                yield simulator.step(wait).observation
                for room in ("greenhouse", "outside"):
                    yield simulator.step(f"teleport to {room}").observation
                    yield simulator.step("look around").observation
                    yield from simulator.objects()


def _replies(simulator: World, rng: random.Random) -> Iterator[str]:
    actions = [a for a in simulator.admissible() if a != "reset task"]
    for action in rng.sample(actions, min(TRIES, len(actions))):
        yield action
        yield simulator.step(action).observation


def main() -> None:
    """Write the sorted words into the file that `build_tokenizer` reads."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--play", type=Path, required=True, help="folder that play.py wrote")
    arguments = parser.parse_args()
    settings: Any = compose_config(["env=scienceworld"]).env
    simulator = World(settings.simplification)
    words = {word for text in texts(simulator, settings.tasks) for word in split_words(text)}
    simulator.close()
    for transcript in read_transcripts(arguments.play):
        words |= {word for text in transcript.texts() for word in split_words(text)}
    words = {word for word in words if not any(letter.isdigit() for letter in word)}
    SCIENCEWORLD_WORDS.write_text("\n".join(sorted(words)) + "\n", encoding="utf-8")
    print(f"{len(words)} words in {SCIENCEWORLD_WORDS.name}")


if __name__ == "__main__":
    main()
