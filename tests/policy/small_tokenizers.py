"""Small tokenizers of each family, trained on a few lines of text."""

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX as QWEN2_WORDS

LINES = [
    "You are in the middle of a room. Your task is to: put a clean mug in cabinet 1.",
    "Thought: I should look for a mug first.\nAction: go to countertop 1",
    "On the countertop 1, you see a mug 1, a knife 2, and a plate 1.",
    "Thought: now I take it.\nAction: take mug 1 from countertop 1",
    "Nothing happens.",
]
SPECIALS = {
    "tiny": ["<pad>", "<bos>", "<user>", "<agent>", "<end>"],
    "chatml": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "qwen2_5": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "llama2": ["<unk>", "<s>", "</s>"],
    "llama3": [
        "<|begin_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "<|end_of_text|>",
    ],
}
FAMILIES = tuple(SPECIALS)
# Llama-3 takes up to three digits at a time, Qwen2.5 one; else they split alike.
WORDS = {"qwen2_5": QWEN2_WORDS, "llama3": QWEN2_WORDS.replace(r"|\p{N}|", r"|\p{N}{1,3}|")}


def word_level(lines: list[str]) -> PreTrainedTokenizerFast:
    """Return a tokenizer that knows the words of `lines`, in the manner of the tiny family."""
    splitter = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
    )
    words = sorted({word for line in lines for word, _ in splitter.pre_tokenize_str(line)})
    vocabulary = {word: index for index, word in enumerate([*SPECIALS["tiny"], "<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = splitter
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<end>",
        additional_special_tokens=["<user>", "<agent>"],
    )


def byte_pairs(family: str) -> PreTrainedTokenizerFast:
    """Return a SentencePiece-like (llama2) or byte-level BPE tokenizer.

    ``chatml`` splits as SmolLM2 does.
    """
    unknown = "<unk>" if family == "llama2" else None
    tokenizer = Tokenizer(models.BPE(unk_token=unknown, ignore_merges=family == "llama3"))
    if family == "llama2":
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        alphabet = sorted(set("".join(LINES)) | set("[]</>INSTYS▁"))
    else:
        if family == "qwen2_5":
            tokenizer.normalizer = normalizers.NFC()
        splitters = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
        if family in WORDS:
            words = pre_tokenizers.Split(Regex(WORDS[family]), "isolated")
            splitters = [words, pre_tokenizers.ByteLevel(False, use_regex=False)]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splitters)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIALS[family],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        additional_special_tokens=SPECIALS[family],
        eos_token="</s>" if family == "llama2" else SPECIALS[family][-1],
    )


def tokenizer_of(family: str) -> PreTrainedTokenizerFast:
    """Return the small tokenizer of a family."""
    return word_level(LINES) if family == "tiny" else byte_pairs(family)


def template_of(family: str) -> str:
    """Return the name of the chat template that goes with a family's tokenizer."""
    return "chatml" if family == "qwen2_5" else family
