"""The model card of an exported model: what it is, how it was made, what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from tratree.models.names import PACKAGE_PREFIX
from tratree.policy.prompt import Prompt
from tratree.report.render_table import markdown_table


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
    """

    title: str
    base: str
    on_hub: bool
    merged: bool
    steps: Sequence[Step]
    results: str
    versions: Mapping[str, str]
    prompt: Prompt | None = None


def render_card(card: ModelCard) -> str:
    """Return the card as Markdown with the Hub's metadata on top."""
    seeds = sorted({str(s.settings["seed"]) for s in card.steps if "seed" in s.settings})
    return "\n".join(
        [
            "---",
            *([f"base_model: {card.base}"] if card.on_hub else []),  # the Hub takes no other name
            f"library_name: {'transformers' if card.merged else 'peft'}",
            "pipeline_tag: text-generation",
            "tags: [tratree, weak-to-strong, agent]",
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
            markdown_table(
                [
                    ["stage", "data", "constants"],
                    *([s.name, _pairs(s.counts), _pairs(_flat(s.settings))] for s in card.steps),
                ]
            ),
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


def _loading(card: ModelCard) -> list[str]:
    if card.merged:
        return [
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            'model = AutoModelForCausalLM.from_pretrained("THIS FOLDER")',
            'tokenizer = AutoTokenizer.from_pretrained("THIS FOLDER")',
        ]
    imports, name, comment = [], f'"{card.base}"', ""
    if card.base.startswith(PACKAGE_PREFIX):
        imports = ["", "from tratree.models.names import local_folder  # the base comes with it"]
        name = f"local_folder({name})"
    elif not card.on_hub:
        name, comment = f'"FOLDER/OF/{card.base}"', "  # folder of the base model"
    return [
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        *imports,
        "",
        f"base = AutoModelForCausalLM.from_pretrained({name}){comment}",
        'model = PeftModel.from_pretrained(base, "THIS FOLDER")',
        'tokenizer = AutoTokenizer.from_pretrained("THIS FOLDER")',
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
