"""``tratree store``: what is in a store, whether it is intact, and what may go."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.filesize import decimal

from tratree.cli.arguments import ArgumentParser
from tratree.errors import UserError
from tratree.words import counted, from_here

if TYPE_CHECKING:
    from tratree.store.inventory import StoredStage

OVERRIDES = Path(".hydra", "overrides.yaml")


def main(arguments: Sequence[str]) -> None:
    """Do what the first argument says."""
    parser = ArgumentParser(prog="tratree store", description="Look after a store of stages.")
    where = ArgumentParser(add_help=False)
    where.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help="the store (default: the one that runs use, TRATREE_STORE or `store`)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, said in (
        ("list", "every stage: its size, its state, and the runs that use it"),
        ("size", "how much room the stages of each name take"),
        ("check", "read every file and compare it with what was stored"),
    ):
        commands.add_parser(name, parents=[where], help=said, description=f"{said.capitalize()}.")
    said = "set damaged stages aside and compute them again; say what was computed from them"
    repair = commands.add_parser(
        "repair", parents=[where], help=said, description=f"{said.capitalize()}."
    )
    repair.add_argument(
        "--set-aside", action="store_true", help="only that: the next run computes them again"
    )
    said = "remove the stages that neither the named runs nor any running one needs"
    prune = commands.add_parser(
        "prune", parents=[where], help=said, description=f"{said.capitalize()}."
    )
    prune.add_argument(
        *("--keep", "-k"),
        type=Path,
        nargs="+",
        required=True,
        metavar="RUN",
        help="folders of runs, or of sweeps, whose stages stay",
    )
    prune.add_argument("--dry-run", action="store_true", help="only say what would go")
    given = parser.parse_args(arguments)

    root = _root(given.store)
    if given.command == "prune":
        _prune(root, given.keep, dry=given.dry_run)
    elif given.command == "repair":
        _repair(root, compute=not given.set_aside)
    else:
        {"list": _list, "size": _size, "check": _check}[given.command](root)


def _root(given: Path | None) -> Path:
    from tratree.composition import compose_config

    return (Path(compose_config([]).store) if given is None else given).absolute()


def _list(root: Path) -> None:
    from tratree.store.inventory import list_stages

    stages = list_stages(root)
    for stage in stages:
        users = [str(from_here(run)) for run in stage.runs] or ["no run that is there"]
        more = f" and {counted(len(users) - 1, 'other')}" if len(users) > 1 else ""
        print(f"{stage.place:<32}{decimal(stage.size):>10}  {_state(stage)}")
        print(f"  used by {users[0]}{more}")
    print(f"{counted(len(stages), 'stage')}, {decimal(sum(s.size for s in stages))}, in {root}")


def _size(root: Path) -> None:
    from tratree.store.inventory import REMOVED, SET_ASIDE, list_stages, size_of

    stages = list_stages(root)
    sizes: dict[str, int] = {}
    for stage in stages:
        name = stage.folder.parent.name
        sizes[name] = sizes.get(name, 0) + stage.size
    for folder, said in (
        ("cache", "cache (may be removed when no run is under way)"),
        (SET_ASIDE, f"{SET_ASIDE} (damaged stages that were set aside; may be removed)"),
        (REMOVED, f"{REMOVED} (left by a prune that was stopped; the next one removes it)"),
    ):
        if (root / folder).is_dir():
            sizes[said] = size_of(root / folder)
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{decimal(size):>10}  {name}")
    print(f"{decimal(sum(sizes.values())):>10}  in {root}")


def _check(root: Path) -> None:
    from tratree.store.inventory import check

    damaged = checked = 0
    for stage, damage in check(root):
        checked += 1
        if damage:
            damaged += 1
            print(f"damaged: {stage.place}: {damage}")
    if damaged:
        raise UserError(
            f"damaged: {damaged} of {counted(checked, 'stage')}, as listed above: run "
            f"`tratree store repair --store {root}`"
        )
    print(f"{counted(checked, 'finished stage')} in {root}: nothing is damaged")


def _repair(root: Path, *, compute: bool) -> None:
    from tratree.runs.run_folder import STAGES
    from tratree.store.inventory import repair

    repairs = repair(root)
    if not repairs:
        print(f"no stage in {root} is damaged")
    for done in repairs:
        print(f"{done.place}: {done.damage}; set aside in {done.aside}")
        results = ", ".join(done.dependents) or "nothing in this store"
        print(f"  computed from it: {results}", flush=True)
    if any(done.dependents for done in repairs):
        print(
            "a stage is checked before another is computed from it, so these results are from "
            "before the damage and stay; if one was computed by a version without manifests, "
            "remove it, too",
            flush=True,
        )
    waiting = {done.place: done.runs for done in repairs}
    runs = {run for done in repairs for run in done.runs if _command(run, root)}
    for run in sorted(runs, key=lambda run: (run / STAGES).stat().st_mtime, reverse=True):
        of_run = [place for place, users in waiting.items() if run in users]
        if of_run and compute:
            for place in _compute_again(run, root, of_run):
                print(f"{place}: computed again, as in {run}")
                del waiting[place]
    for place, users in waiting.items():
        commands = [command for run in users if (command := _command(run, root))]
        who = "any of these" if commands else "the next run that needs it"
        print(f"{place}: {who} computes it again")
        for command in commands:
            print(f"  {command}")


def _compute_again(run: Path, root: Path, places: Sequence[str]) -> Sequence[str]:
    """Return those of some stages that were computed again, as their run did."""
    from tratree.large_imports import large_imports

    with large_imports():
        from tratree.runs.again import compute_again

    try:
        return compute_again(run, root, places)
    except UserError as error:
        print(f"{', '.join(places)}: not computed ({error})")
        return ()


def _prune(root: Path, runs: Sequence[Path], *, dry: bool) -> None:
    from tratree.runs.run_folder import STAGES, read_stages
    from tratree.store.inventory import prune

    keep: set[str] = set()
    for folder in runs:
        below = [path.parent for path in sorted(folder.rglob(STAGES))] if folder.is_dir() else []
        for run in below or [folder]:
            keep.update(read_stages(run).folders.values())
    removed = prune(root, keep, remove=not dry)
    for stage in removed:
        print(f"{stage.place}  {decimal(stage.size)}  {_state(stage)}")
    size = decimal(sum(stage.size for stage in removed))
    done = f"{'would remove' if dry else 'removed'} {counted(len(removed), 'stage')}"
    print(f"{done}, {size}, in {root}")


def _command(run: Path, root: Path) -> str | None:
    """Return the command that started a run of this store; None if the run folder doesn't tell."""
    from tratree.documents import read_yaml
    from tratree.runs.run_folder import read_stages

    try:
        if read_stages(run).store.resolve() != root.resolve():
            return None
        overrides = read_yaml(run / OVERRIDES, list[str], "")
    except (FileNotFoundError, NotADirectoryError, UserError):
        return None
    own = [line for line in overrides if not line.startswith("hydra.")]
    return shlex.join(["python", "train.py", *own, f"hydra.run.dir={run}"])


def _state(stage: StoredStage) -> str:
    state = "finished" if stage.finished else "unfinished"
    return f"{state}, in use" if stage.in_use else state
