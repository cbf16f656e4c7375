"""The ways to go about a thing that both a setting and the tree library offer, by name."""

from __future__ import annotations

from typing import Any, Literal, get_args

from tratree.errors import UserError

SimilarityName = Literal["exact", "ngrams", "minilm"]
Search = Literal["mcts", "value_iteration"]
Aggregate = Literal["mean", "max"]
Continuation = Literal["end", "next_divergence", "one_step"]


def check_choice(key: str, value: str, choices: Any) -> None:
    """Check that a value is one of a `Literal` type's.

    Raises:
        UserError: If it is not.
    """
    if value not in get_args(choices):
        raise UserError(f"{key}={value} is not known: use one of {', '.join(get_args(choices))}")
