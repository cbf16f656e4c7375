"""A small prompt in ETO's formats, with the roles mixed as there."""

from __future__ import annotations

import json
from pathlib import Path

RULES = "You act in a room. Your actions: go to X, take X from Y.\n\nThought: ...\nAction: ..."
EXAMPLE = (
    "You see a desk 1. Your task is to: take a mug.",
    "Thought: It may be on the desk.\nAction: go to desk 1",
    "Observation: On the desk 1, you see a mug 1.",
    "Thought: There it is.\nAction: take mug 1 from desk 1",
)


def write_prompt(
    folder: Path, rules: str = RULES, examples: tuple[tuple[str, ...], ...] = (EXAMPLE,)
) -> tuple[str, str]:
    """Write both files; return the overrides that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inst.txt").write_text(rules, encoding="utf-8")
    document = [
        [
            {"from": "gpt", "content": text} if place % 2 else {"role": "user", "content": text}
            for place, text in enumerate(example)
        ]
        for example in examples
    ]
    (folder / "icl.json").write_text(json.dumps(document), encoding="utf-8")
    return (
        f"env.prompt.rules={folder / 'inst.txt'}",
        f"env.prompt.examples={folder / 'icl.json'}",
    )
