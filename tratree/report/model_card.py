"""The model card of an exported model: what it is, how it was made, what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from tratree.models.names import PACKAGE_PREFIX
from tratree.policy.prompt import Prompt
from tratree.report.render_table import markdown_table
from tratree.words import counted

MEASURED = {"reward": "mean_reward", "success": "success_rate"}
"""The figures that the Hub is told of, and their names there."""
ESTIMATE = ("mean", "low", "high")


@dataclass(frozen=True)
class Step:
    """One stage on the way to the model.

    Attributes:
        name: The stage's name.
        counts: Counts of its data, such as ``{"trajectories": 2400}``.
        settings: The constants that its result depends on.
    """

    name: str
    counts: Mapping[str, Any]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class ModelCard:
    """The contents of a card.

    Attributes:
        title: The model's name.
        base: Name of the base model: a Hub id, what the tratree package holds, or the bare name of
            a folder.
        on_hub: Whether that is a Hub id.
        merged: Whether the folder holds a whole model, as opposed to an adapter.
        steps: The stages that led to it, first ones first.
        results: A Markdown table of what was measured; empty if nothing was.
        versions: Of the libraries, by name.
        prompt: Prompt before every task; its messages are beside the card as ``prompt.json``.
        repo: Its name on the Hub; empty for a folder.
        licence: As the Hub spells it; None if it is not known.
        datasets: On the Hub, that it was trained on.
        measured: Results of the system by split, as in ``results.json``.
        env: Name of the environment that they are of.
    """

    title: str
    base: str
    on_hub: bool
    merged: bool
    steps: Sequence[Step]
    results: str
    versions: Mapping[str, str]
    prompt: Prompt | None = None
    repo: str = ""
    licence: str | None = None
    datasets: Sequence[str] = ()
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    env: str = ""


def render_card(card: ModelCard) -> str:
    """Return the card as Markdown with the Hub's metadata on top."""
    seeds = sorted({str(s.settings["seed"]) for s in card.steps if "seed" in s.settings})
    return "\n".join(
        [
            "---",
            _metadata(card).to_yaml(),
            "---",
            "",
            f"# {card.title}",
            "",
            f"{'A whole model' if card.merged else 'A LoRA adapter'} for `{card.base}`, made with "
            "tratree: weak-to-strong generalization with failure trajectories (ICLR 2026). It acts "
            "in text environments: observations are user turns, and it answers with "
            "`Thought: …` and `Action: …`. The chat template that it was trained with is in the "
            "tokenizer.",
            "",
            "```python",
            *_loading(card),
            "```",
            "",
            *_prompt(card.prompt),
            "## How it was made",
            "",
            f"Seed {', '.join(seeds)}. Each stage with its data and its constants:",
            "",
            steps_table(card.steps),
            "",
            "## Results",
            "",
            card.results.strip() or "Not measured in this export: it was given a stage, not a run.",
            "",
            "## Made with",
            "",
            ", ".join(f"{name} {version}" for name, version in card.versions.items()),
            "",
        ]
    )


def steps_table(steps: Sequence[Step]) -> str:
    """Return a Markdown table of stages with their data and constants, without folders."""
    rows = ([s.name, _pairs(s.counts), _pairs(_flat(s.settings))] for s in steps)
    return markdown_table([["stage", "data", "constants"], *rows])


def _metadata(card: ModelCard) -> ModelCardData:
    """Return what the Hub reads: base, licence, datasets, results."""
    kept: dict[str, Any] = {"eval_results": _eval_results(card), "model_name": card.title}
    return ModelCardData(
        base_model=card.base if card.on_hub else None,  # the Hub takes no other name
        datasets=list(card.datasets) or None,
        library_name="transformers" if card.merged else "peft",
        license=card.licence,
        metrics=[*MEASURED.values()] if card.measured else None,
        pipeline_tag="text-generation",
        tags=["tratree", "weak-to-strong", "agent"],
        **(kept if card.measured else {}),
    )


def _eval_results(card: ModelCard) -> list[EvalResult]:
    """Return the mean of each measure on each split in percent, its interval in its name."""
    found = []
    for split, figures in card.measured.items():
        for figure, metric in MEASURED.items():
            mean, low, high = (round(100 * figures[figure][key], 2) for key in ESTIMATE)
            found.append(
                EvalResult(
                    task_type="text-generation",
                    task_name="Acting in a text environment",
                    dataset_type=card.env,
                    dataset_name=f"{card.env}, {split}, {counted(figures['episodes'], 'episode')}",
                    dataset_split=split,
                    metric_type=metric,
                    metric_name=f"{figure} in %, 95 % interval {low} to {high}",
                    metric_value=mean,
                )
            )
    return found


def _loading(card: ModelCard) -> list[str]:
    place = card.repo or "THIS FOLDER"
    if card.merged:
        return [
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'model = AutoModelForCausalLM.from_pretrained("{place}")',
            f'tokenizer = AutoTokenizer.from_pretrained("{place}")',
        ]
    if card.on_hub:  # the adapter names it
        return [
            "from peft import AutoPeftModelForCausalLM",
            "from transformers import AutoTokenizer",
            "",
            f'model = AutoPeftModelForCausalLM.from_pretrained("{place}")',
            f'tokenizer = AutoTokenizer.from_pretrained("{place}")',
        ]
    imports, name, comment = [], f'"{card.base}"', ""
    if card.base.startswith(PACKAGE_PREFIX):
        imports = ["", "from tratree.models.names import local_folder  # the base comes with it"]
        name = f"local_folder({name})"
    else:
        name, comment = f'"FOLDER/OF/{card.base}"', "  # folder of the base model"
    return [
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        *imports,
        "",
        f"base = AutoModelForCausalLM.from_pretrained({name}){comment}",
        f'model = PeftModel.from_pretrained(base, "{place}")',
        f'tokenizer = AutoTokenizer.from_pretrained("{place}")',
    ]


def _prompt(prompt: Prompt | None) -> list[str]:
    if prompt is None:
        return []
    labels = [
        f"{where} begins with {json.dumps(label)}"
        for where, label in (
            ("The first observation of a task", prompt.first_label),
            ("Every later observation", prompt.label),
        )
        if label
    ]
    return [
        "## Prompt",
        "",
        f"Every conversation begins with the messages of `prompt.json`, {prompt}; then comes the "
        f"task. {'. '.join([*labels, ''])}".rstrip(),
        "",
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings with dotted names; of a folder of this machine only its name."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "prompt" and isinstance(value, Mapping):
            flat[prefix + name] = f"SHA-256 {Prompt.from_json(value).digest}"
        elif isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, str) and value.startswith(("/", "~", ".")):
            flat[prefix + name] = PurePath(value).name
        else:
            flat[prefix + name] = value
    return flat


def _pairs(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, ""))
    return " ".join(text.split())
