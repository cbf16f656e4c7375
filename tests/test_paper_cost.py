"""The estimate of what the paper's sizes would cost."""

from __future__ import annotations

import pytest

from experiments.paper import cost, cost_page, model_sizes


def test_models_have_the_published_sizes() -> None:
    weak, strong = model_sizes.model("weak"), model_sizes.model("strong")
    assert (weak.parameters, strong.parameters) == (6_738_415_616, 13_015_864_320)
    # Rank 64 on four attention and three feed-forward matrices of each of 40 layers.
    assert strong.adapter == 40 * 64 * (4 * 2 * 5120 + 3 * (5120 + 13_824))
    assert strong.cache == 2 * 40 * 5120 * 2 * (4096 + 1)
    assert strong.episodes * strong.cache <= 40 * 2**30 < (strong.episodes + 1) * strong.cache


def test_time_is_operations_over_what_is_reached_of_the_peak() -> None:
    low, high = cost.computing_seconds("strong", cost.Range(1e6, 2e6), cost.TRAINING)
    assert low == pytest.approx(6 * 13_015_864_320 * 1e6 / (0.5 * 312e12))
    assert high == pytest.approx(4 * low)


def test_a_step_of_decoding_gives_a_token_to_each_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    length = {"steps": 10, "agent_tokens": 100, "environment_tokens": 0}
    monkeypatch.setattr(cost, "LENGTHS", {"webshop": length})
    low, high = cost.playing_seconds("strong", "webshop", 12)  # 12 at a time, 100 steps
    assert low == pytest.approx(100 * 2 * 13_015_864_320 / (0.5 * 2.039e12))
    assert high == pytest.approx(5 * low)  # the step limit is 10


@pytest.mark.slow
def test_the_page_is_what_the_script_writes_and_its_sums_agree() -> None:
    assert cost_page.PAGE.read_text("utf-8") == cost_page.page()
    sweeps = cost_page.all_sweeps()
    rows = {key: cost.add(cost_page.group_hours({key: found})) for key, found in sweeps.items()}
    for (sweep, env), found in sweeps.items():  # no stage that takes time is in no group
        whole = cost.hours(found, env).times(cost.SEEDS)
        assert rows[sweep, env] == pytest.approx(whole)
        assert 0 < whole.low < whole.high
    total = cost.add(cost_page.group_hours(sweeps))
    main_tables = cost.add(row for (sweep, _), row in rows.items() if sweep == "main_table")
    for least, counted_once, most in zip(main_tables, total, cost.add(rows.values()), strict=True):
        assert least < counted_once < most
    # The ablation is part of the main table, so it adds nothing.
    ablation = sweeps.pop(("ablation", "alfworld"))
    assert {s.key for s in ablation} <= {s.key for s in sweeps["main_table", "alfworld"]}
    assert cost.add(cost_page.group_hours(sweeps)) == pytest.approx(total)
