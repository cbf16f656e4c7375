"""What a fine-tuning says of itself."""

from __future__ import annotations

from tratree.modules.fit import FitReport
from tratree.stages.training import describe


def test_what_was_learnt_is_said_in_a_line() -> None:
    said = "7 samples, 3 steps, loss 0.1235 at the end"
    assert describe(FitReport(samples=7, too_long=0, steps=3, loss=0.12345)) == said
    left_out = "; 2 samples left out, longer than the context"
    assert describe(FitReport(samples=7, too_long=2, steps=3, loss=0.12345)) == said + left_out


def test_nothing_to_learn_from_is_said_and_what_to_do_if_all_was_too_long() -> None:
    said = "nothing to learn from: the weights stay bit for bit as they were"
    assert describe(FitReport(samples=0, too_long=0, steps=0, loss=None)) == said
    assert describe(FitReport(samples=0, too_long=2, steps=0, loss=None)) == (
        said + "; 2 samples left out, longer than the context: raise model.context"
    )
