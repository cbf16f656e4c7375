"""``make attack``: the attack at length, and its table in README.md.

Without arguments it takes some hours. ``--kills 2 --examples 20 --methods mcts`` is a short one;
the table says what each line was made with.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import Any

from tests.attack.corruption import damage_all
from tests.attack.kills import killed, undisturbed
from tests.attack.mangling import corpus, fault, mangled
from tests.attack.readers import READERS, prepare
from tratree.method_plugins import METHODS

README = Path(__file__).parent / "README.md"
PAIRS = Path(__file__).parent / "runs.json"
"""What came of each pair of an environment and a method, the last time."""

BEGIN, END = "<!-- table -->", "<!-- end of the table -->"
ENVIRONMENTS = ("alfworld", "scienceworld", "webshop")
PAGES = ("tests/report/test_run_page_browser.py", "tests/tree/test_view_browser.py")


@dataclass(frozen=True)
class Line:
    """The outcome for one promise.

    Attributes:
        promise: Statement that is to hold.
        tries: Number of tries.
        failures: Cases in which it did not hold.
        made_with: Description of the tries.
    """

    promise: str
    tries: int
    failures: Sequence[str]
    made_with: str


def main() -> None:
    """Attack, print what did not hold, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["readers", "pages", "runs"])
    parser.add_argument("--kills", type=int, default=20, help="of each method and environment")
    parser.add_argument("--examples", type=int, default=200, help="mangled files of each reader")
    parser.add_argument("--methods", nargs="+", default=METHODS.names())
    parser.add_argument("--environments", nargs="+", default=ENVIRONMENTS)
    given = parser.parse_args()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="attack-") as scratch:
        get_temp_dir()  # this process' own is made outside `scratch`, which is gone before it is
        os.environ["TMPDIR"] = str(Path(scratch, "tmp"))
        Path(scratch, "tmp").mkdir()
        tempfile.tempdir = None
        if "readers" in given.parts:
            lines += [_readers(Path(scratch, "readers"), given.examples)]
        if "pages" in given.parts:
            lines += [_pages()]
        if "runs" in given.parts:
            of_runs: list[Line] = []
            for of_runs in _runs(Path(scratch), given.environments, given.methods, given.kills):
                _write(of_runs)  # it takes hours: what was done is kept
            lines += of_runs
    for line in lines:
        for failure in line.failures:
            print(f"{line.promise}: {failure}")
    _write(lines)
    sys.exit(any(line.failures for line in lines))


def _readers(folder: Path, examples: int) -> Line:
    prepare(folder)
    failures, tries = [], 0
    for number, reader in enumerate(READERS):
        chance = random.Random(number)
        contents = [*corpus(), *(mangled(reader, folder, chance) for _ in range(examples))]
        for content in contents:
            tries += 1
            found = fault(reader, folder, content)
            if found:
                failures.append(f"{reader.name}: {found} on {content[:200]!r}")
    return Line(
        "a hostile or mangled file is read, or refused in one line",
        tries,
        failures,
        f"{len(READERS)} readers, {len(corpus())} files of the corpus and {examples} mangled each",
    )


def _pages() -> Line:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rf", *PAGES]
    said = subprocess.run(command, capture_output=True, text=True).stdout
    counts = {what: int(n) for n, what in re.findall(r"(\d+) (passed|failed|error)", said)}
    failures = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return Line(
        "hostile text in a page is shown, not run",
        sum(counts.values()),
        failures,
        "tests in a headless Chromium; skipped without one",
    )


def _runs(
    scratch: Path, environments: Sequence[str], methods: Sequence[str], kills: int
) -> Iterator[list[Line]]:
    """Attack each pair of a method and an environment, and keep what came of it in `PAIRS`.

    Yields:
        Both lines over all pairs that are kept, each counted once, after each pair.
    """
    before: dict[str, Path] = {}
    for method, env in product(methods, environments):
        root = scratch / f"{env}-{method}"
        root.mkdir()
        overrides = ("debug=smoke", f"env={env}", f"method={method}")
        operations = undisturbed(root, overrides, before.get(env))
        before[env] = root
        pair: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "kills": 0, "damages": 0}
        different: list[str] = []
        used: list[str] = []
        for seed in range(-(-kills // 5)):
            outcome = killed(root, overrides, operations, min(5, kills), seed)
            pair["kills"] += outcome.kills
            different += outcome.differences
        for what, found in damage_all(root, overrides):
            pair["damages"] += 1
            used += [f"{what}: {found}"] if found else []
        pairs = json.loads(PAIRS.read_text("utf-8"))
        pairs[f"{env} {method}"] = {**pair, "different": different, "used": used}
        PAIRS.write_text(json.dumps(dict(sorted(pairs.items())), indent=1) + "\n", "utf-8")
        print(f"{env} {method}: {pair}", flush=True)
        yield list(_lines_of(pairs))


def _lines_of(pairs: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    methods: dict[str, list[str]] = {}
    for env, method in map(str.split, sorted(pairs)):
        methods.setdefault(env, []).append(method)
    made_with = "; ".join(f"{env}: {', '.join(of_env)}" for env, of_env in methods.items())
    for promise, count, kind, how in (
        (
            "killed at any file operation, a run ends with the bytes of an undisturbed one, in "
            "every stage, and leaves nothing behind",
            "kills",
            "different",
            "a few kills each, in stages that those before do not have",
        ),
        (
            "a stage with a damaged file is not computed with: one line names it",
            "damages",
            "used",
            "every file of every stage",
        ),
    ):
        failures = [f"{name}: {text}" for name, pair in pairs.items() for text in pair[kind]]
        tries = sum(pair[count] for pair in pairs.values())
        yield Line(promise, tries, failures, f"{made_with}; {how}")


def _write(lines: Sequence[Line]) -> None:
    """Put the lines into the table, in place of earlier ones of the same promise."""
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    rows = {row.split(" | ")[0]: row for row in table.splitlines() if row.startswith("| ")}
    for row in list(rows):
        if row in ("| Promise", "| ---"):
            del rows[row]
    date = time.strftime("%Y-%m-%d")
    for x in lines:
        rows[f"| {x.promise}"] = (
            f"| {x.promise} | {x.tries:,} | {len(x.failures):,} | {date} | {x.made_with} |"
        )
    heads = "| Promise | Tries | Failures | Date | Made with |\n| --- | ---: | ---: | --- | --- |\n"
    text = "".join(f"{row}\n" for row in rows.values())
    README.write_text(f"{before}{BEGIN}\n{heads}{text}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
