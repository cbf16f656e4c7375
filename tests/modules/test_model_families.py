"""Every causal family of the installed transformers: used rightly or refused, as the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

from benchmarks.model_families import COLUMNS, FAMILIES, look_at, quiet

PAGE = (Path(__file__).parents[2] / "docs" / "model-families.md").read_text("utf-8")
ROWS = {line.split(" | ")[0].strip("| "): line for line in PAGE.splitlines() if "|" in line}


@pytest.mark.slow
def test_every_family_is_used_rightly_or_refused_as_the_page_says() -> None:
    if f"transformers {transformers.__version__}," not in PAGE:
        pytest.skip("the page is of another transformers")
    shown = [name for name in COLUMNS if name not in ("LoRA", "export and reload", "refused")]
    for family in FAMILIES:
        with quiet():
            row = look_at(family, trained=False)
        cells = dict(zip(COLUMNS, ROWS[family].strip("|").split("|"), strict=True))
        assert [COLUMNS[name](row) for name in shown] == [cells[n].strip() for n in shown], family
        usable = row.rollout == row.forward == "yes" and row.packs
        assert bool(row.refused) != bool(usable), family


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        *((name, "carry a state") for name in ("lfm2", "jamba", "falcon_h1", "recurrent_gemma")),
        *((name, "carry a state") for name in ("nemotron_h", "bailing_hybrid", "mamba")),
        *((name, "encoder-decoder") for name in ("bart", "whisper")),
        ("bert", "sees what comes after it"),
    ],
)
def test_what_cannot_be_packed_or_played_is_refused_by_name(family: str, reason: str) -> None:
    with quiet():
        row = look_at(family, trained=False)
    assert reason in row.refused
    assert row.model in row.refused


@pytest.mark.parametrize("family", ["stablelm", "nemotron", "opt"])
def test_a_model_that_hands_nothing_on_to_its_attention_gets_a_real_mask(family: str) -> None:
    with quiet():
        row = look_at(family, trained=False)
    assert (row.packs, row.rollout, row.refused) == ("mask", "yes", "")


@pytest.mark.parametrize("family", ["qwen2", "gemma2", "phi3", "gpt2"])
def test_an_adapter_is_stored_merged_and_found_with_its_base_by_plain_peft(family: str) -> None:
    with quiet():
        row = look_at(family)
    assert (row.lora, row.export) == ("yes", "yes")
