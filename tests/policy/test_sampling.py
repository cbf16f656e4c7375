"""Sampling: distribution, limits, independence of rows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tratree.errors import UserError
from tratree.policy.sampling import SamplingSettings, sample

LOGITS = st_numpy.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=st.integers(-40, 40)
)
SETTINGS = st.builds(
    SamplingSettings,
    temperature=st.sampled_from([0.0, 0.3, 0.7, 1.0, 5.0]),
    top_p=st.sampled_from([0.05, 0.5, 0.9, 1.0]),
    top_k=st.integers(0, 12),
    min_p=st.sampled_from([0.0, 0.1, 0.9]),
)
DRAWS = st.floats(0, 1, exclude_max=True)


def allowed_tokens(logits: np.ndarray, chosen: SamplingSettings) -> set[int]:
    """Return the tokens that a row may give, by plain loops."""
    ranked = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
    if chosen.temperature == 0:
        return {ranked[0]}
    weights = np.exp((logits - logits.max()) / chosen.temperature)
    kept, reached = [], 0.0
    for token in ranked[: chosen.top_k or None]:
        if weights[token] < chosen.min_p * weights[ranked[0]] * (1 - 1e-9):
            break
        if chosen.top_p < 1 and reached >= chosen.top_p + 1e-9:
            break
        kept.append(token)
        reached += weights[token] / weights.sum()
    return set(kept)


@given(data=st.data(), logits=LOGITS)
@settings(max_examples=200)
def test_tokens_are_allowed_and_rows_independent(data, logits):
    rows = len(logits)
    chosen = data.draw(st.lists(SETTINGS, min_size=rows, max_size=rows))
    draws = data.draw(st.lists(DRAWS, min_size=rows, max_size=rows))
    tokens = sample(torch.from_numpy(logits), chosen, draws).tolist()
    for row in range(rows):
        assert tokens[row] in allowed_tokens(logits[row], chosen[row])
        alone = sample(torch.from_numpy(logits[row : row + 1]), [chosen[row]], [draws[row]])
        assert alone.tolist() == [tokens[row]]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (SamplingSettings(1.0), [0.1, 0.4, 0.2, 0.3]),
        (SamplingSettings(0.5), [0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3]),
        (SamplingSettings(1.0, top_k=2), [0, 4 / 7, 0, 3 / 7]),
        (SamplingSettings(1.0, top_p=0.8), [0, 4 / 9, 2 / 9, 3 / 9]),
        (SamplingSettings(1.0, top_p=0.8, top_k=1), [0, 1, 0, 0]),
        (SamplingSettings(1.0, min_p=0.6), [0, 4 / 7, 0, 3 / 7]),
        (SamplingSettings(1.0, min_p=0.45, top_p=0.7), [0, 4 / 7, 0, 3 / 7]),
        (SamplingSettings(0.0), [0, 1, 0, 0]),
    ],
)
def test_evenly_spread_draws_give_the_distribution(chosen, expected):
    count = 9000
    logits = torch.tensor([0.1, 0.4, 0.2, 0.3], dtype=torch.float64).log().expand(count, 4)
    tokens = sample(logits, [chosen] * count, [(i + 0.5) / count for i in range(count)])
    shares = tokens.bincount(minlength=4) / count
    assert shares.tolist() == pytest.approx(expected, abs=2 / count)


def test_the_ends_of_the_unit_interval_never_give_an_impossible_token():
    logits = torch.tensor([[-torch.inf, 0.0, 0.3, -torch.inf]])
    last = float(np.nextafter(1.0, 0.0))
    tokens = sample(logits.expand(2, 4), [SamplingSettings(1.0)] * 2, [0.0, last])
    assert tokens.tolist() == [1, 2]


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": -1.0},
        {"temperature": 1.0, "top_p": 0.0},
        {"temperature": float("nan")},
        {"temperature": 1.0, "top_p": 1.5},
        {"temperature": 1.0, "top_k": -1},
        {"temperature": 1.0, "min_p": 1.0},
    ],
)
def test_settings_out_of_range_are_user_errors(values):
    with pytest.raises(UserError):
        SamplingSettings(**values)


@pytest.mark.parametrize("bad", [[0.0, float("nan")], [0.0, float("inf")], [-float("inf")] * 2])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_no_numbers_are_refused(bad: list[float], temperature: float) -> None:
    rows = torch.tensor([[0.0, -float("inf")], bad])  # the first one rules a token out
    with pytest.raises(UserError, match="logits are not finite"):
        sample(rows, [SamplingSettings(temperature)] * 2, [0.5, 0.5])
    assert sample(rows[:1], [SamplingSettings(temperature)], [0.5]).tolist() == [0]
