"""Makes an untrained weak and strong model whose tokens are the words of the game.

python -m guess_number.make_models guess_number_models
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from guess_number import environment as game

SPECIAL = ["<pad>", "<bos>", "<user>", "<agent>", "<end>", "<unk>"]
LARGEST = 60
TEXTS = (
    f"Let us play. Find my number from to it is {game.ACTION} Thought: Action:",
    *(game.HIGHER, game.LOWER, game.FOUND, game.REFUSED),
    *map(str, range(LARGEST + 1)),
)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer with one token for each word and full stop."""
    words = sorted({word for text in TEXTS for word in text.replace(".", " . ").split()})
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(r"\."), "isolated")]
    )
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<end>",
        unk_token="<unk>",
        additional_special_tokens=["<user>", "<agent>"],
    )


def main(folder: Path) -> None:
    """Write ``weak`` and ``strong`` to a folder."""
    tokenizer = make_tokenizer()
    for name, width, layers in (("weak", 48, 2), ("strong", 96, 3)):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            max_position_embeddings=256,
            initializer_range=0.08,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        LlamaForCausalLM(config).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
