"""Fine-tuning: what changes, what is kept, and what a kill does."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.modules.small_models import SETTINGS, episode, episodes, small_model
from tratree.data.episodes import EpisodeDataModule
from tratree.data.padding import collate
from tratree.data.pairs import EncodedPair, PairDataModule
from tratree.data.steps import steps_of_similar_length
from tratree.errors import UserError
from tratree.models.lora import save_adapter
from tratree.modules.adapter_module import learning_rate_factor
from tratree.modules.checkpoint import SafeCheckpointIO
from tratree.modules.fit import CHECKPOINT, FitReport, fit
from tratree.modules.imitation import MCTSImitationModule, SFTModule
from tratree.modules.settings import DPOSettings, TrainingSettings
from tratree.modules.training_history import METRICS, read_metrics
from tratree.modules.tree_dpo import TreeDPOModule
from tratree.preemption import SIGNAL

STEPS = 12  # of SETTINGS on 22 episodes: two epochs, each ends with a batch that isn't full


class InterruptionError(Exception):
    """Represents anything that ends a training from outside."""


def train(
    folder: Path,
    settings: TrainingSettings = SETTINGS,
    report: Callable[[int, int, str], None] | None = None,
) -> FitReport:
    """Train an adapter with dropout on 22 episodes and save it."""
    module = SFTModule(small_model(dropout=0.1), settings)
    done = fit(module, EpisodeDataModule(episodes(22), 64), folder=folder, seed=0, report=report)
    save_adapter(module.model, folder / "adapter")
    return done


def results(folder: Path) -> list[bytes]:
    """Return the bytes of everything that a training leaves for others."""
    return [
        path.read_bytes() for path in [folder / METRICS, *sorted((folder / "adapter").iterdir())]
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    train(folder)
    return results(folder)


def test_the_loss_falls_and_only_the_adapter_changes(tmp_path: Path) -> None:
    model = small_model()
    before = {name: p.clone() for name, p in model.named_parameters()}
    data = EpisodeDataModule(episodes(22), 64)
    report = fit(SFTModule(model, replace(SETTINGS, epochs=20)), data, folder=tmp_path, seed=0)
    rows = read_metrics(tmp_path / METRICS)
    assert [row["step"] for row in rows] == list(range(1, 121))
    assert report == FitReport(22, 0, 120, sum(row["loss"] for row in rows[-12:]) / 12)
    assert sum(row["loss"] for row in rows[-6:]) < 0.9 * sum(row["loss"] for row in rows[:6])
    assert rows[0]["learning_rate"] < rows[20]["learning_rate"] > rows[-1]["learning_rate"] > 0
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed
    assert all("lora_" in name for name in changed)


def test_lightning_does_what_a_plain_loop_does(tmp_path: Path) -> None:
    settings = replace(SETTINGS, weight_decay=0.1, clip=0.3)
    fitted, plain = small_model(), small_model()
    fit(SFTModule(fitted, settings), EpisodeDataModule(episodes(22), 64), folder=tmp_path, seed=0)
    lengths = [len(sample.token_ids) for sample in episodes(22)]
    steps = steps_of_similar_length(lengths, size=4, epochs=2, seed=0)
    weights = [p for p in plain.train().parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, weight_decay=0.1)
    for number, step in enumerate(steps):
        batch = collate([episodes(22)[index] for index in step])
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * learning_rate_factor(number, STEPS, settings)
        labels = batch.token_ids.masked_fill(~batch.agent_mask, -100)
        plain(input_ids=batch.token_ids, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 0.3)
        optimizer.step()
        optimizer.zero_grad()
    for ours, expected in zip(fitted.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours, expected, atol=1e-5)


def test_equal_runs_give_equal_bytes(tmp_path: Path, undisturbed: list[bytes]) -> None:
    torch.manual_seed(123)
    train(tmp_path)
    assert results(tmp_path) == undisturbed


@pytest.mark.parametrize("number", [SIGNAL, signal.SIGINT, signal.SIGTERM])
def test_asked_to_leave_it_saves_what_it_has_done(
    tmp_path: Path, undisturbed: list[bytes], number: signal.Signals
) -> None:
    """Between two of the checkpoints that are due anyway, every third step."""

    def ask(step: int, *_: object) -> None:
        if step == 4:
            os.kill(os.getpid(), number)

    def leave(*_: object) -> None:
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit

    before = signal.signal(number, leave)
    try:
        with pytest.raises((SystemExit, KeyboardInterrupt)):
            train(tmp_path, report=ask)
        assert signal.getsignal(number) is leave
    finally:
        signal.signal(number, before)
    checkpoint = SafeCheckpointIO().load_checkpoint(tmp_path / CHECKPOINT)
    assert checkpoint["global_step"] == 4
    assert len(read_metrics(tmp_path / METRICS)) == 4
    train(tmp_path)
    assert results(tmp_path) == undisturbed


def test_the_seed_changes_the_result(tmp_path: Path, undisturbed: list[bytes]) -> None:
    data = EpisodeDataModule(episodes(22), 64)
    module = SFTModule(small_model(dropout=0.1), SETTINGS)
    fit(module, data, folder=tmp_path, seed=1)
    save_adapter(module.model, tmp_path / "adapter")
    assert results(tmp_path) != undisturbed


@pytest.mark.parametrize("module_type", [SFTModule, MCTSImitationModule])
def test_it_does_not_matter_how_a_step_is_cut_into_batches(
    tmp_path: Path, module_type: type[SFTModule]
) -> None:
    models = {size: small_model() for size in (4, 1)}
    for size, model in models.items():
        settings = replace(SETTINGS, batch_size=size, accumulate=4 // size)
        data = EpisodeDataModule(episodes(22), 64)
        fit(module_type(model, settings), data, folder=tmp_path / str(size), seed=0)
    whole, cut = (read_metrics(tmp_path / str(size) / METRICS) for size in models)
    assert len(whole) == len(cut) == STEPS
    for name in ("loss", "gradient_norm"):
        assert [row[name] for row in cut] == pytest.approx([row[name] for row in whole], rel=1e-3)


def test_a_checkpoint_holds_the_adapter_only(tmp_path: Path) -> None:
    train(tmp_path)
    saved = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert saved["state_dict"]
    assert all("lora_" in name for name in saved["state_dict"])


@pytest.mark.parametrize("end", range(1, STEPS + 1))
def test_a_training_that_ends_after_any_step_goes_on(
    tmp_path: Path, undisturbed: list[bytes], end: int
) -> None:
    settings = replace(SETTINGS, checkpoint_every_steps=2)

    def report(done: int, total: int, note: str) -> None:
        if done == end:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        train(tmp_path, settings, report)
    seen: list[int] = []
    train(tmp_path, settings, lambda done, total, note: seen.append(done))
    assert seen == list(range((end - 1) // 2 * 2 + 1, STEPS + 1))
    assert results(tmp_path) == undisturbed


def _kill_itself(done: int, total: int, note: str) -> None:
    if done == 5:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_training_ends_with_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, undisturbed: list[bytes]
) -> None:
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=train, args=(tmp_path, SETTINGS, _kill_itself))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 6, "lo')  # a line that the kill has cut
    (tmp_path / f"{CHECKPOINT}.new").write_bytes(b"a checkpoint that the kill has cut")
    train(tmp_path)
    assert results(tmp_path) == undisturbed


def test_a_finished_training_is_not_done_again(tmp_path: Path, undisturbed: list[bytes]) -> None:
    train(tmp_path)
    seen: list[int] = []
    train(tmp_path, report=lambda done, total, note: seen.append(done))
    assert seen == []
    assert results(tmp_path) == undisturbed


def test_the_callers_torch_is_left_as_it_was(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    settings = replace(SETTINGS, threads=1 if before > 1 else 2)
    module, data = SFTModule(small_model(dropout=0.1), settings), EpisodeDataModule(episodes(4), 64)
    random_state = torch.random.get_rng_state()
    fit(module, data, folder=tmp_path, seed=0)
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert torch.get_num_threads() == before
    assert not torch.are_deterministic_algorithms_enabled()


class _Exploit:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch exploited",)


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: [1],
        lambda saved: {"state_dict": {}},
        lambda saved: {**saved, "loops": {}},
        lambda saved: {**saved, "optimizer_states": []},
        lambda saved: {**saved, "state_dict": dict.fromkeys(saved["state_dict"], 1)},
        lambda saved: {
            **saved,
            "state_dict": {n: torch.zeros(3) for n in saved["state_dict"]},
        },
    ],
)
def test_a_checkpoint_with_other_content_is_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    train(tmp_path)
    saved = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    torch.save(change(saved), tmp_path / CHECKPOINT)
    with pytest.raises(UserError, match="remove it to train from the start") as caught:
        train(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"no checkpoint", pickle.dumps({"state_dict": _Exploit()})]
)
def test_a_bad_checkpoint_is_refused_in_one_line(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(UserError, match="not an intact checkpoint: remove it") as caught:
        train(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "exploited").exists()


def test_a_checkpoint_of_another_adapter_is_refused(tmp_path: Path) -> None:
    train(tmp_path)
    data = EpisodeDataModule(episodes(22), 64)
    other = SFTModule(small_model(target_modules="q_proj"), SETTINGS)
    with pytest.raises(UserError, match="another model or adapter"):
        fit(other, data, folder=tmp_path, seed=0)


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lower the learning rate"):
        train(tmp_path, replace(SETTINGS, learning_rate=1e30, clip=0.0))


def test_hardware_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match=r"cannot start \(.*[^.!]\): use trainer=cpu") as caught:
        train(tmp_path, replace(SETTINGS, accelerator="gpu"))
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="accelerator=abacus is not possible"):
        replace(SETTINGS, accelerator="abacus")


def test_nothing_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_no_pairs_leave_the_weights_bit_for_bit(tmp_path: Path) -> None:
    model = small_model()
    save_adapter(model, tmp_path / "before")
    module = TreeDPOModule(model, SETTINGS, DPOSettings())
    data = PairDataModule([EncodedPair(episode(0, length=65), episode(1))], 64)
    report = fit(module, data, folder=tmp_path / "work", seed=0)
    save_adapter(model, tmp_path / "after")
    assert report == FitReport(samples=0, too_long=1, steps=0, loss=None)
    before, after = (
        load_file(tmp_path / n / "adapter_model.safetensors") for n in ("before", "after")
    )
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_preferences_are_learnt(tmp_path: Path) -> None:
    pairs = [EncodedPair(episode(n), episode(n + 50)) for n in range(12)]
    settings = replace(SETTINGS, epochs=40)
    module = TreeDPOModule(small_model(), settings, DPOSettings(beta=0.5))
    fit(module, PairDataModule(pairs, 64), folder=tmp_path, seed=0)
    rows = read_metrics(tmp_path / METRICS)
    assert rows[-1]["accuracy"] == 1.0
    assert rows[-1]["margin"] > rows[0]["margin"]
    for row in rows:
        rewards = row["chosen_reward"] - row["rejected_reward"]
        assert row["margin"] == pytest.approx(rewards, abs=1e-4)


def test_a_full_disk_is_told_as_one_and_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs rights that this machine does not give")
    try:
        SafeCheckpointIO().save_checkpoint({"weights": torch.zeros(9)}, disk / CHECKPOINT)
        whole = (disk / CHECKPOINT).read_bytes()
        with pytest.raises(OSError, match="No space left"):
            SafeCheckpointIO().save_checkpoint({"weights": torch.zeros(99_999)}, disk / CHECKPOINT)
        assert [path.name for path in disk.iterdir()] == [CHECKPOINT]
        assert (disk / CHECKPOINT).read_bytes() == whole
    finally:
        subprocess.run(["umount", str(disk)], check=True)
