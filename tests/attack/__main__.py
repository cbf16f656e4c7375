"""``make attack``: the attack at length, and its table in README.md.

Without arguments it takes about an hour. ``--kills 2 --examples 20 --methods mcts`` is a short one.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.attack.corruption import damage_all
from tests.attack.kills import killed, undisturbed
from tests.attack.readers import READERS, corpus, fault, mangled, prepare
from tratree.method_plugins import METHODS

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- table -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Line:
    """The outcome for one promise.

    Attributes:
        promise: What is to hold.
        tries: How often it was tried.
        failures: What did not hold.
    """

    promise: str
    tries: int
    failures: Sequence[str]


def main() -> None:
    """Attack, print what did not hold, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each method and environment")
    parser.add_argument("--examples", type=int, default=200, help="mangled files of each reader")
    parser.add_argument("--methods", nargs="+", default=list(METHODS.names()))
    parser.add_argument(
        "--environments", nargs="+", default=["alfworld", "scienceworld", "webshop"]
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attack-") as scratch:
        os.environ["TMPDIR"] = str(Path(scratch, "tmp"))
        Path(scratch, "tmp").mkdir()
        tempfile.tempdir = None
        lines = [_readers(Path(scratch, "readers"), given.examples)]
        lines += _runs(Path(scratch), given.environments, given.methods, given.kills)
    for line in lines:
        for failure in line.failures:
            print(f"{line.promise}: {failure}")
    _write(lines, " ".join(f"{name}={value}" for name, value in vars(given).items()))


def _readers(folder: Path, examples: int) -> Line:
    prepare(folder)
    contents: list[tuple[int, bytes]] = []
    failures, tries = [], 0
    for number, reader in enumerate(READERS):
        chance = random.Random(number)
        contents = [(0, content) for content in corpus()]
        contents += [(1, mangled(reader, folder, chance)) for _ in range(examples)]
        for _, content in contents:
            tries += 1
            found = fault(reader, folder, content)
            if found:
                failures.append(f"{reader.name}: {found} on {content[:200]!r}")
    return Line("a hostile or mangled file is read, or refused in one line", tries, failures)


def _runs(
    scratch: Path, environments: Sequence[str], methods: Sequence[str], kills: int
) -> list[Line]:
    killed_tries = damage_tries = 0
    killed_failures: list[str] = []
    damage_failures: list[str] = []
    for env in environments:
        for method in methods:
            root = scratch / f"{env}-{method}"
            root.mkdir()
            overrides = ("debug=smoke", f"env={env}", f"method={method}")
            operations = undisturbed(root, overrides)
            for seed in range(-(-kills // 5)):
                outcome = killed(root, overrides, operations, min(5, kills), seed)
                killed_tries += outcome.kills
                killed_failures += [f"{env} {method}: {text}" for text in outcome.differences]
            for what, found in damage_all(root, overrides):
                damage_tries += 1
                if found:
                    damage_failures.append(f"{env} {method}: {what}: {found}")
    return [
        Line(
            "killed at any file operation, a run ends with the bytes of an undisturbed one, in "
            "every stage, and leaves nothing behind",
            killed_tries,
            killed_failures,
        ),
        Line(
            "a stage with a damaged file is not computed with: one line names it",
            damage_tries,
            damage_failures,
        ),
    ]


def _write(lines: Sequence[Line], arguments: str) -> None:
    date = time.strftime("%Y-%m-%d")
    rows = ["| Promise | Tries | Failures | Date |", "| --- | ---: | ---: | --- |"]
    rows += [f"| {x.promise} | {x.tries:,} | {len(x.failures):,} | {date} |" for x in lines]
    table = "\n".join([*rows, "", f"Made with {arguments}."])
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
