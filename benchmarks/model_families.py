"""Every family of causal language models in transformers: can it be trained and played here?

A tiny model of each, with random weights, is put through the checks that every model goes through,
and through an adapter's training step, export and reload. The table is Markdown.

    python benchmarks/model_families.py > docs/model-families.md
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import AutoPeftModelForCausalLM
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as FAMILIES

from tratree.errors import UserError
from tratree.models.architecture import check_architecture, model_class, text_config
from tratree.models.loading import load_base
from tratree.models.lora import CONFIG, add_lora, load_adapter, load_policy_model, save_adapter
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.modules.attention_check import check_batches, check_packs, check_rollouts
from tratree.modules.pack_attention import EDGES, attend_by_edges

SMALL: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "embedding_size"), 32),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"), 48),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 32),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk"), 2),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), 64),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank"), 16),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "head_dim"), 8),
    "vocab_size": 96,
    "vocab_size_per_layer_input": 96,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
"""The small sizes of a tiny model, under the names that configurations have for them."""

OWN: dict[str, dict[str, Any]] = {
    "dots1": {"n_shared_experts": 1, "n_group": 1, "topk_group": 1, "num_key_value_heads": 4},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "num_hidden_layers": 2},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "laguna": {"layer_types": ["full_attention"] * 2},
}
"""Further settings that a family needs."""

NOT_TRIED = {
    "blt": "reads bytes, not tokens",
    "cohere_compass_text": "no small configuration is known",
    "dbrx": "its default configuration builds no model",
    "gemma3n": "no small configuration is known",
    "gemma3n_text": "no small configuration is known",
    "gemma4_assistant": "drafts for another model",
    "phi4_multimodal": "its towers for images and sound have no small size",
    "reformer": "its default configuration is no decoder",
}
"""Families of which no tiny model is made here; they are checked like any other when loaded."""

HEAD = """# Model families

Every family of causal language models in transformers {version}, put through the checks that each
model goes through after it is loaded and before it trains or plays, with a tiny model of random
weights. Made by `python benchmarks/model_families.py > docs/model-families.md`.

- attention: `model.attention` to set; `eager` where the family has no `sdpa`.
- forward: a padded batch gives each sequence the logits of its own plain pass.
- rollout: so do the rows of a rollout's batch, which begin, grow and end at their own pace.
- packs by: so do the branches of a packed tree; `edges` is fast on a CPU, `mask` is a real mask.
- eager: rollouts and packs with `model.attention=eager`.
- LoRA: an adapter is trained for a step, stored and loaded to equal logits, with `all-linear`.
- export and reload: the merged model is loaded by plain transformers to equal logits, and so is the
  adapter by `AutoPeftModelForCausalLM`, which finds its base by itself.
- refused: the line that ends a run; "before anything" if the configuration alone tells.
"""


@dataclass(frozen=True)
class Row:
    """The findings on a family; texts, ``yes``, or why not in `refused`."""

    family: str
    model: str = ""
    attention: str = ""
    forward: str = ""
    rollout: str = ""
    packs: str = ""
    eager: str = ""
    lora: str = ""
    export: str = ""
    refused: str = ""


def tiny_config(default: Any, family: str) -> Any:
    """Return the text part of a family's configuration with everything small."""
    text = text_config(default)
    known = {*text.to_dict(), *text.attribute_map}
    small = {
        name: value
        for name, value in SMALL.items()
        if name in known and not isinstance(getattr(type(text), name, None), property)
    }
    if "kv_lora_rank" in small:  # all heads have keys of their own
        small = {n: 4 if n == "num_key_value_heads" else v for n, v in small.items()}
        if text.q_lora_rank is None:
            del small["q_lora_rank"]
    return type(text)(**{**small, **OWN.get(family, {})})


def tiny_model(config: Any, attention: str) -> PreTrainedModel:
    """Return a model whose random weights are large enough for every token to matter."""
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(
        config, attn_implementation=attention
    ).eval()
    for weights in model.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=weights.shape[-1] ** -0.5)
    return model


def look_at(family: str, *, trained: bool = True) -> Row:
    """Put a tiny model of a family through every check.

    Args:
        family: As in `FAMILIES`.
        trained: Whether an adapter is trained, stored and exported too.
    """
    row = Row(family)
    if family in NOT_TRIED:
        return replace(row, refused=f"not tried: {NOT_TRIED[family]}")
    default = CONFIG_MAPPING[family]()
    model_type = model_class(default)
    attention = "sdpa" if model_type._supports_sdpa else "eager"
    row = replace(row, model=model_type.__name__)
    try:
        check_architecture(default, attention)
        config = tiny_config(default, family)
        check_architecture(config, attention)
    except UserError as error:
        return replace(row, refused=f"before anything: {error}")
    model = tiny_model(config, attention)
    row = replace(row, attention=attention)
    try:
        check_batches(model)
        row = replace(row, forward="yes")
        check_rollouts(model)
        row = replace(row, rollout="yes")
        check_packs(model)
        attend_by_edges(model)
        by_edges = model.config._attn_implementation == EDGES
        check_packs(model)
        row = replace(row, packs="edges" if by_edges else "mask")
    except UserError as error:
        return replace(row, refused=str(error))
    return replace(row, eager=_eager(model), **(_round_trip(model) if trained else {}))


def _eager(model: PreTrainedModel) -> str:
    try:
        model.set_attn_implementation("eager")
        check_packs(model)
        check_rollouts(model)
    except (UserError, ValueError):
        return "no"
    return "yes"


def _round_trip(model: PreTrainedModel) -> dict[str, str]:
    """Train an adapter for a step; save, load, merge and load again; equal logits all along."""
    found = {}
    tokens = torch.arange(5, 15)[None]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            model.save_pretrained(folder / "base")
            settings = ModelSettings(str(folder / "base"), attention="eager")
            adapted = add_lora(load_base(settings), LoraSettings(rank=4, alpha=8), seed=0)
            adapted(tokens, labels=tokens).loss.backward()
            trained = [p for p in adapted.parameters() if p.requires_grad]
            torch.optim.SGD(trained, lr=1.0).step()
            with torch.no_grad():
                wanted = adapted.eval()(tokens).logits
            save_adapter(adapted, folder / "adapter")
            again = load_adapter(load_base(settings), folder / "adapter", trainable=False).eval()
            found["lora"] = _equal(again, tokens, wanted)
            merged = load_policy_model(settings, folder / "adapter", torch.float32)
            merged.save_pretrained(folder / "merged")
            plain = AutoModelForCausalLM.from_pretrained(
                folder / "merged", attn_implementation="eager"
            )
            found["export"] = _equal(plain, tokens, wanted)
            if found["export"] == "yes":
                config = json.loads((folder / "adapter" / CONFIG).read_text("utf-8"))
                config["base_model_name_or_path"] = str(folder / "base")  # as export --base does
                (folder / "adapter" / CONFIG).write_text(json.dumps(config), encoding="utf-8")
                auto = AutoPeftModelForCausalLM.from_pretrained(
                    folder / "adapter", attn_implementation="eager"
                )
                found["export"] = _equal(auto.eval(), tokens, wanted)
        except Exception as error:
            found.setdefault("lora", f"no: {_short(error)}")
            found.setdefault("export", f"no: {_short(error)}")
    return found


@torch.no_grad()
def _equal(model: Any, tokens: torch.Tensor, wanted: torch.Tensor) -> str:
    return "yes" if torch.allclose(model(tokens).logits, wanted, atol=1e-3) else "no: other logits"


def _short(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:90].replace("|", "/")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide what transformers says about tiny models."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


COLUMNS: dict[str, Callable[[Row], str]] = {
    "family": lambda row: row.family,
    "model": lambda row: row.model,
    "attention": lambda row: row.attention,
    "forward": lambda row: row.forward,
    "rollout": lambda row: row.rollout,
    "packs by": lambda row: row.packs,
    "eager": lambda row: row.eager,
    "LoRA": lambda row: row.lora,
    "export and reload": lambda row: row.export,
    "refused": lambda row: row.refused,
}


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    rows = []
    for family in sys.argv[1:] or FAMILIES:
        with quiet():
            rows.append(look_at(family))
    print(HEAD.format(version=transformers.__version__))
    print("|", " | ".join(COLUMNS), "|")
    print("|", " | ".join("---" for _ in COLUMNS), "|")
    for row in rows:
        print("|", " | ".join(cell(row) for cell in COLUMNS.values()), "|")


if __name__ == "__main__":
    main()
