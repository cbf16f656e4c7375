"""The engine with little memory, changed weights, and environments in threads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.policy.cloned_policy import LIMITS, load_policy, make_env, tasks_of
from tratree.errors import UserError
from tratree.policy.live_batch import LiveBatch
from tratree.policy.machine_settings import GIB, EngineSettings, episode_bytes
from tratree.policy.rollout import RolloutEngine, run_episodes
from tratree.policy.rollout_settings import Episode, RolloutPlan, SamplingSettings
from tratree.trajectory.types import Trajectory


def episodes_of(folder: Path) -> list[Episode]:
    settings = [SamplingSettings(0.0), SamplingSettings(1.0, top_p=0.9)]
    return [Episode(task, n, s) for task in tasks_of(folder) for n, s in enumerate(settings)]


def play(
    folder: Path, settings: EngineSettings, model=None, report: Callable[[str], None] = print
) -> list[Trajectory]:
    loaded, chat = load_policy(folder)
    found = dict(
        run_episodes(
            model or loaded,
            chat,
            partial(make_env, folder),
            episodes_of(folder),
            RolloutPlan(0, "test", "cloned", LIMITS, settings),
            report=report,
        )
    )
    return [found[index] for index in range(len(found))]


@pytest.fixture(scope="module")
def expected(policy_folder: Path) -> list[Trajectory]:
    return play(policy_folder, EngineSettings(4))


@pytest.fixture
def engine(policy_folder: Path) -> Iterator[RolloutEngine]:
    model, chat = load_policy(policy_folder)
    made = RolloutEngine(
        model,
        chat,
        partial(make_env, policy_folder),
        RolloutPlan(0, "test", "cloned", LIMITS, EngineSettings(3)),
    )
    with closing(made):
        yield made


def stored_bytes(batch: LiveBatch) -> int:
    stored = [tensor for layer in batch._cache.layers for tensor in (layer.keys, layer.values)]
    return sum(tensor.nbytes for tensor in stored)


def test_a_budget_bounds_the_stored_keys_and_values(policy_folder, expected):
    model, chat = load_policy(policy_folder)
    each = episode_bytes(model, LIMITS.max_context)
    settings = EngineSettings(64, cache_gib=2.5 * each / GIB)
    assert settings.episodes(model, LIMITS.max_context) == 2
    engine = RolloutEngine(
        model,
        chat,
        partial(make_env, policy_folder),
        RolloutPlan(0, "test", "cloned", LIMITS, settings),
    )
    most, found = 0, []
    with closing(engine):
        waiting = list(enumerate(episodes_of(policy_folder)))[::-1]
        while waiting or engine.live:
            while engine.free and waiting:
                engine.add(*waiting.pop())
            found += engine.advance()
            most = max(most, stored_bytes(engine._batch))
    assert [trajectory for _, trajectory in sorted(found, key=lambda pair: pair[0])] == expected
    assert each / 4 < most <= 2.5 * each


def test_a_full_cache_takes_what_was_foreseen(policy_folder):
    model, _ = load_policy(policy_folder)
    batch = LiveBatch(model, 3, 500)
    batch.append()
    batch.prefill({0: [1] * 500})
    assert stored_bytes(batch) == 3 * episode_bytes(model, 500)


def test_a_budget_below_one_episode_is_a_user_error(policy_folder):
    with pytest.raises(UserError, match="cache_gib is 1e-06, but one episode of 512 tokens takes"):
        play(policy_folder, EngineSettings(4, cache_gib=1e-6))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_halves_the_batch_and_says_so(policy_folder, expected, error):
    model, _ = load_policy(policy_folder)
    forward, passes = model.forward, []

    def small_forward(*arguments, **named):
        passes.append(len(named["input_ids"]))
        if passes[-1] > 2 and len(passes) > 30:
            raise error
        return forward(*arguments, **named)

    model.forward = small_forward
    said: list[str] = []
    assert play(policy_folder, EngineSettings(8), model, said.append) == expected
    assert said == [
        "out of memory with 8 episodes at a time: continuing with 4",
        "out of memory with 4 episodes at a time: continuing with 2",
    ]


def test_no_memory_for_one_episode_is_a_user_error(policy_folder):
    model, _ = load_policy(policy_folder)
    forward = model.forward

    def no_forward(*arguments, **named):
        if named["use_cache"]:  # as in playing, not in what is tried before
            raise MemoryError
        return forward(*arguments, **named)

    model.forward = no_forward
    with pytest.raises(UserError, match="out of memory with one episode"):
        play(policy_folder, EngineSettings(2), model)


def test_other_errors_of_the_model_are_passed_on(policy_folder):
    model, _ = load_policy(policy_folder)

    def bad_forward(*arguments, **named):
        raise RuntimeError("shapes do not match")

    model.forward = bad_forward
    with pytest.raises(RuntimeError, match="shapes do not match"):
        play(policy_folder, EngineSettings(2), model)


STARVED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.policy.cloned_policy import load_policy
from tests.policy.test_engine_memory import EngineSettings, play
from tests.policy import test_engine_memory
from dataclasses import replace
import torch
folder = Path({folder!r})
model, chat = load_policy(folder)
from tratree.policy import cache
longer = cache._RolloutLayer._longer
def greedy(self, stored, room):
    # Keys and values of a large model: the allocator is asked for more than the process may have.
    if stored.shape[0] > 2:
        stored.new_zeros(stored.shape[0], 2 ** 34)
    return longer(self, stored, room)
cache._RolloutLayer._longer = greedy
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 2 ** 31, used + 2 ** 31))
said = []
played = play(folder, EngineSettings(4), model, said.append)
assert said == ["out of memory with 4 episodes at a time: continuing with 2"], said
assert len(played) == 12
"""


def test_a_real_allocator_that_refuses_halves_the_batch(policy_folder):
    script = STARVED.format(root=str(Path(__file__).parents[2]), folder=str(policy_folder))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def change_by_optimizer(model) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, fused=True)
    model(input_ids=torch.tensor([[3, 4, 5]]), labels=torch.tensor([[3, 4, 5]])).loss.backward()
    optimizer.step()


def change_by_state(model) -> None:
    model.load_state_dict({name: weights * 1.5 for name, weights in model.state_dict().items()})


@pytest.mark.parametrize("change", [change_by_optimizer, change_by_state])
def test_keys_and_values_of_other_weights_are_dropped(engine, policy_folder, change):
    for index, episode in enumerate(episodes_of(policy_folder)[:3]):
        engine.add(index, episode)
    for _ in range(20):
        engine.advance()
    model = engine._batch._model
    before = engine._next_logits().clone()
    change(model)
    assert engine._batch.drop_stale()
    logits = engine._next_logits()
    assert not torch.allclose(logits, before)
    for row, live in enumerate(engine._live):
        shown = live.token_ids[: engine._batch.lengths[row]]
        with torch.no_grad():
            plain = model(input_ids=torch.tensor([shown])).logits[0, -1]
        torch.testing.assert_close(logits[row], plain)
    assert not engine._batch.drop_stale()


def test_threads_that_step_environments_change_nothing(policy_folder, expected):
    # ALFWorld's engine is safe in one thread beside the model's.
    assert play(policy_folder, EngineSettings(4, env_threads=1)) == expected
