"""Whole runs: the main job by every trainer, killed and resumed, and what runs make of GPUs.

Runs are programs of their own, and this process never uses a GPU.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from tests.gpu.place import Check, Place, Row, ask_driver, unmeasured
from tests.gpu.training import DIFFERENCE, relative
from tratree.composition import compose_config
from tratree.modules.training_history import METRICS
from tratree.runs.run import run
from tratree.stages.file_names import EPISODES_LOG
from tratree.store.store import Store

ROOT = Path(__file__).parents[2]
LEFT = 1.0
"""Most GiB of a GPU that a stage may leave in use."""
BUSY = 50
"""Least use of each GPU in exploration, in percent."""
SECONDS = 0.02
UNTOLD = (LookupError, ValueError, OSError, subprocess.SubprocessError)
"""What asking the driver raises where it does not answer."""


def checks(place: Place) -> list[Check]:
    """Return the checks: every trainer, a kill, and the use of GPUs."""
    here = _trainers(place)
    others = [name for name in ("gpu", "ddp", "fsdp") if name not in here]
    return [
        partial(_left, place),
        *(partial(_trained_by, place, name, *here[name]) for name in here),
        *(partial(_untried, place, name) for name in others),
        partial(_killed, place),
        partial(_busy, place),
    ]


def _trainers(place: Place) -> dict[str, list[str]]:
    """Return the trainers that this machine has, and their overrides, with a method to train."""
    if not place.gpus:
        by_fsdp = ["trainer=ddp_sim", "trainer.strategy=fsdp"]
        return {
            "ddp_sim": ["trainer=ddp_sim", "method=mcts"],
            "fsdp_sim": [*by_fsdp, "method=tree_dpo"],
        }
    found = {"gpu": ["trainer=gpu", "method=mcts"]}  # the rest of what `_left` has computed
    if place.gpus > 1:
        # A step of this run has 8 or 16 samples, which all devices share evenly.
        most = max(devices for devices in (2, 4, 8) if devices <= place.gpus)
        shared = [f"trainer.devices={most}", "rollout.workers=auto", "method=tree_dpo"]
        found |= {name: [f"trainer={name}", *shared] for name in ("ddp", "fsdp")}
    return found


def _untried(place: Place, trainer: str) -> Iterator[Row]:
    yield unmeasured(
        f"main job, trainer={trainer}", "needs two GPUs" if place.gpus else "needs a GPU"
    )


def _trained_by(place: Place, name: str, *overrides: str) -> Iterator[Row]:
    """Run the main job at a small size; compare losses on demonstrations.

    What it plays differs in a token here and there, so later fine-tunings have other data.
    """
    few = ("method=sft_strong", "evaluation.episodes=1")
    wanted = _losses(place, "cpu", "trainer=cpu", *few)
    found = _losses(place, name, *overrides)
    apart = relative([found[base] for base in wanted], list(wanted.values()))
    yield Row(
        f"{' '.join(['main job,', *overrides])}: losses from those of trainer=cpu",
        f"{apart:.1e} over {len(wanted)} trainings on demonstrations",
        f"at most {DIFFERENCE}",
        apart <= DIFFERENCE,
    )


def _losses(place: Place, name: str, *overrides: str) -> dict[str, float]:
    """Return the last loss of each fine-tuning on demonstrations, by its base model."""
    store = place.folder / f"store-{name}"
    if not (place.folder / name).exists():
        _run(place, name, *overrides)
    found = {}
    for report in store.glob("sft/*/training.json"):
        settings = json.loads((report.parent / "stage.json").read_text("utf-8"))["settings"]
        found[settings["base"]["name"]] = json.loads(report.read_text("utf-8"))["loss"]
    return found


def _run(place: Place, name: str, *overrides: str, until: Callable[[], bool] | None = None) -> bool:
    """Run the main job at a small size, in a store and folder of that name.

    Args:
        place: The machine.
        name: Of the store and of the run's folder.
        overrides: Of its configuration.
        until: If given, all of it is killed once this is true.

    Returns:
        Whether it was killed.

    Raises:
        RuntimeError: If it fails, with the end of what it said.
    """
    command = [sys.executable, "train.py", "debug=smoke", *overrides]
    command += [f"store={place.folder / f'store-{name}'}", f"hydra.run.dir={place.folder / name}"]
    log = place.folder / f"{name}.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=file, stderr=file, start_new_session=True
        )
    try:
        while process.poll() is None:
            if until and until():
                return True
            time.sleep(SECONDS)
    finally:
        _kill(process)
    if process.returncode:
        said = " ".join(log.read_text("utf-8", "replace").split())[-200:]
        raise RuntimeError(
            f"train.py {' '.join(overrides)}: exit code {process.returncode}: {said}"
        )
    return False


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill what a program has started, and itself."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _killed(place: Place) -> Iterator[Row]:
    """Kill the main job in a fine-tuning, resume it, and compare with an undisturbed one."""
    name = "gpu" if place.gpus else "cpu"
    job = [f"trainer={name}", "trainer.deterministic=true", "method=sft_strong"]
    job += ["evaluation.episodes=1"]
    job += [f"model.{role}.sft.epochs=40" for role in ("weak", "strong")]
    store = place.folder / "store-killed"

    def trains() -> bool:
        """Return whether a fine-tuning has done some steps."""
        with suppress(FileNotFoundError):  # a stage that ends has another folder
            found = store.glob(f"sft/*.partial/{METRICS}")
            return any(path.read_bytes().count(b"\n") > 3 for path in found)
        return False

    _run(place, "whole", *job)
    killed = _run(place, "killed", *job, until=trains)
    _run(place, "killed", *job)
    files = [METRICS, "adapter/adapter_model.safetensors"]
    stored = sorted((place.folder / "store-whole").glob("sft/*/training.json"))
    equal = [
        (report.parent / file).read_bytes()
        == (store / report.parent.relative_to(place.folder / "store-whole") / file).read_bytes()
        for report in stored
        for file in files
    ]
    same = f"the same bytes of {len(equal)} files" if all(equal) else "other bytes"
    yield Row(
        f"{' '.join(['main job,', *job[:2]])}: killed in a fine-tuning and resumed",
        same if killed else "it ended before it was killed",
        "the same bytes",
        killed and len(equal) == 4 and all(equal),
    )


def _left(place: Place) -> Iterator[Row]:
    """Run the main job at a small size; look at each GPU's memory after each stage."""
    check = "GiB left in use of a GPU after each stage of a run"
    if not place.gpus:
        yield unmeasured(check)
        return
    try:
        before = _in_use()
    except UNTOLD as error:
        yield unmeasured(check, f"the driver does not tell it ({error})")
        return
    left: dict[str, float] = {}
    compute = Store._compute

    def watched(store: Store, stage: Any, *arguments: Any) -> None:
        compute(store, stage, *arguments)
        left[stage.title] = max(now - then for now, then in zip(_in_use(), before, strict=True))

    store = f"store={place.folder / 'store-gpu'}"
    config = compose_config(["debug=smoke", "method=tree_dpo", "trainer=gpu", store])
    (place.folder / "left").mkdir()
    with mock.patch.object(Store, "_compute", watched):
        run(config, place.folder / "left")
    stage, most = max(left.items(), key=lambda item: item[1])
    yield Row(
        check,
        f"{most:.2f} after {stage}, the most of {len(left)}",
        f"at most {LEFT}",
        most <= LEFT,
    )


def _in_use() -> list[float]:
    """Return the GiB in use of each GPU, by whichever process."""
    return [int(used) / 1024 for used in ask_driver("memory.used")]


def _busy(place: Place) -> Iterator[Row]:
    """Explore with one player a GPU, and look how busy each GPU is while episodes end."""
    check = "use of the idlest GPU in exploration, mean of its second half"
    name = "gpu" if place.gpus else "cpu"
    store = place.folder / "store-busy"
    samples: list[list[int]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            if any(store.glob(f"explore/*.partial/{EPISODES_LOG}")):
                samples.append(_use())

    watcher = threading.Thread(target=look)
    if place.gpus:
        try:
            _use()
        except UNTOLD as error:
            yield unmeasured(check, f"the driver does not tell it ({error})")
            return
        watcher.start()
    start = time.monotonic()
    try:
        _run(place, "busy", *_exploration(place, name))
    finally:
        over.set()
    seconds = time.monotonic() - start
    if not place.gpus:
        yield unmeasured(check, f"needs a GPU; the run itself took {seconds:.0f} s on the CPU")
        return
    watcher.join()
    half = samples[len(samples) // 2 :]
    idlest = min(sum(column) / len(column) for column in zip(*half, strict=True)) if half else 0
    said = f"{idlest:.0f} %, {len(half)} looks"
    yield Row(check, said, f"above {BUSY} %", idlest > BUSY)


def _use() -> list[int]:
    """Return the use of each GPU in percent."""
    return [int(use) for use in ask_driver("utilization.gpu")]


def _exploration(place: Place, trainer: str) -> Sequence[str]:
    """Return the overrides of a run that explores with the model that is checked."""
    full = place.size == "full"
    tasks, trajectories = (64, 8 * max(1, place.gpus)) if full else (4, 2)
    workers = "auto" if place.gpus else 2
    return [
        *("method=rejection", f"trainer={trainer}"),
        *(f"model.{role}.name={place.base.name}" for role in ("weak", "strong")),
        *("model.dtype=bfloat16", "model.rollout_dtype=bfloat16"),
        *(f"model.max_new_tokens={64 if full else 24}", f"env.train_games={tasks + 6}"),
        *(f"explore.tasks={tasks}", f"explore.trajectories={trajectories}"),
        *(f"rollout.workers={workers}", f"rollout.batch_size={256 if full else 8}"),
    ]
