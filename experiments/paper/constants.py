"""Print every constant of the paper, of its authors' scripts and of ETO beside our key.

    python experiments/paper/constants.py

The values are read from `setting=paper` and `setting=paper_code` as they compose;
`constants.csv` says what they must be, and what the others have. What differs between
environments has a row for each of them; a row without values of ours is for information.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from tratree.composition import compose_config
from tratree.config import Config
from tratree.policy.rollout_settings import SamplingSettings
from tratree.report.render_table import markdown_table

EXPECTED = Path(__file__).with_name("constants.csv")
TIMES = " × "
ENVIRONMENT = " (env="
DEFAULT_ENVIRONMENT = "alfworld"
NO_PROMPT_FILES = "env.prompt.required=false"


def value(config: Config, key: str) -> Any:
    """Return what `key` is set to; ``a.b × c`` is the product of ``a.b`` and ``a.c``."""
    key, _, _ = key.partition(ENVIRONMENT)
    first, _, factor = key.partition(TIMES)
    owner: Any = config
    *groups, name = first.split(".")
    for group in groups:
        owner = getattr(owner, group)
    found = getattr(owner, name)
    return found * getattr(owner, factor) if factor else found


def text(found: Any) -> str:
    """Return a value as `constants.csv` writes it."""
    if found is None:
        return "null"
    if isinstance(found, tuple):
        return f"[{', '.join(map(text, found))}]"
    if isinstance(found, SamplingSettings):
        return f"({found.temperature}, {found.top_p})"
    if isinstance(found, float):
        return f"{found:g}".replace("e-0", "e-")
    return str(found)


def table() -> list[list[str]]:
    """Return the table of all constants, as they are set.

    Raises:
        ValueError: If one is not what `constants.csv` says.
    """
    with EXPECTED.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    configs: dict[tuple[str, str], Config] = {}
    for key, *_, of_paper, of_code in lines:
        env = key.partition(ENVIRONMENT)[2].removesuffix(")") or DEFAULT_ENVIRONMENT
        for setting, expected in (("paper", of_paper), ("paper_code", of_code)):
            if not expected:
                continue
            if (setting, env) not in configs:
                configs[setting, env] = compose_config(
                    [f"setting={setting}", f"env={env}", NO_PROMPT_FILES]
                )
            found = text(value(configs[setting, env], key))
            if found != expected:
                raise ValueError(f"{key} is {found}, not {expected}")
    return [header, *lines]


def main() -> None:
    """Print the table in Markdown."""
    print(markdown_table(table()))


if __name__ == "__main__":
    main()
