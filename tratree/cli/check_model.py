"""``tratree check-model NAME``: whether the models of a family are as they must be."""

from __future__ import annotations

from collections.abc import Sequence

from tratree.cli.arguments import ArgumentParser, add_overrides
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.large_imports import large_imports
from tratree.words import counted

TEXTS = ("You see nothing.", "look", "look")


def main(arguments: Sequence[str]) -> None:
    """Try both models and say what was found."""
    parser = ArgumentParser(
        prog="tratree check-model",
        description="Try what must be true of both models of a family (model=NAME): template, "
        "masks, stop tokens, adapters, rollouts and packs (tratree/models/README.md).",
    )
    parser.add_argument("family", metavar="NAME", help="an option of model=")
    add_overrides(parser)
    parser.add_argument(
        "--texts",
        nargs=3,
        default=TEXTS,
        metavar=("OBSERVATION", "THOUGHT", "ACTION"),
        help="what is said in a trial, in words that the tokenizer knows (default: "
        + f"{', '.join(map(repr, TEXTS))})",
    )
    given = parser.parse_intermixed_args(arguments)
    config = compose_config([f"model={given.family}", *given.overrides])

    # Heavy imports wait until the arguments are known to be right.
    with large_imports():
        from tratree.models.settings import LoraSettings, ModelSettings
        from tratree.modules.model_check import Subject, check_model

    model, wrong = config.model, 0
    for role, base in (("weak", model.weak), ("strong", model.strong)):
        held = ModelSettings(
            name=base.name,
            revision=base.revision,
            dtype=model.dtype,
            attention=model.attention,
            quantization=model.quantization,
        )
        lora = model.lora or LoraSettings()
        subject = Subject(held, base, lora, model.rollout_dtype, tuple(given.texts))
        for finding in check_model(subject):
            print(f"{role} {finding.trial}: {'ok' if finding.right else 'WRONG'}, {finding.said}")
            wrong += not finding.right
    if wrong:
        raise UserError(
            f"{counted(wrong, 'trial')} of model={given.family} went wrong, as said above"
        )
