"""Vectors of observations."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tratree.errors import UserError
from tratree.tree.similarity import CharacterNgrams, ExactText, SentenceEmbeddings, make_similarity

DISTINCT = st.lists(st.text(max_size=30), unique=True, min_size=1, max_size=6)


@pytest.mark.parametrize("similarity", [ExactText(), CharacterNgrams()])
@settings(deadline=None)
@given(DISTINCT)
def test_unit_vectors(similarity, texts):
    vectors = similarity.encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == len(texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@settings(deadline=None)
@given(DISTINCT)
def test_ngrams_of_a_text_do_not_depend_on_the_others(texts):
    together = CharacterNgrams().encode(texts)
    alone = np.concatenate([CharacterNgrams().encode([text]) for text in texts])
    assert np.array_equal(together, alone)


def test_ngrams_order_texts_by_likeness():
    texts = [
        "On the desk 1, you see a mug 1, a pencil 2, and a book 1.",
        "On the desk 1, you see a mug 2, a pencil 2, and a book 1.",
        "On the desk 1, you see nothing.",
        "Nothing happens.",
    ]
    cosine = CharacterNgrams().encode(texts) @ CharacterNgrams().encode(texts)[0]
    assert cosine[1] > 0.9 > cosine[2] > 0.5 > cosine[3]


def test_ngrams_are_the_same_on_every_machine():
    """The crc32 of m is 0xE101F268, of u 0xF26D6A3E, of g 0x01D41B76."""
    vectors = CharacterNgrams(length=1, dimensions=4).encode(["m", "mu", "mug", "g"])
    half = np.sqrt(0.5)
    expected = [[-1, 0, 0, 0], [-half, 0, -half, 0], [-1, 0, 0, 0], [0, 0, 1, 0]]
    assert np.allclose(vectors, expected)


def test_names():
    assert isinstance(make_similarity("exact"), ExactText)
    assert isinstance(make_similarity("ngrams"), CharacterNgrams)
    assert isinstance(make_similarity("minilm"), SentenceEmbeddings)
    with pytest.raises(UserError, match="similarity=bleu"):
        make_similarity("bleu")


@pytest.mark.slow
def test_sentence_embeddings_of_a_folder(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "you", "see", "a", "mug", "cup", "door"]
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = BertModel(BertConfig(vocab_size=len(words), intermediate_size=32, **sizes))
    model.save_pretrained(tmp_path / "bert")
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "bert")
    layers = [Transformer(str(tmp_path / "bert")), Pooling(16)]
    SentenceTransformer(modules=layers, device="cpu").save(str(tmp_path / "encoder"))

    similarity = make_similarity("minilm", model=str(tmp_path / "encoder"))
    texts = ["you see a mug", "you see a cup", "door"]
    vectors = similarity.encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 16)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(vectors, similarity.encode(texts))
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_a_missing_encoder_fails_at_once_and_in_one_line(tmp_path):
    import sentence_transformers  # noqa: F401  (its import takes seconds and is not measured)

    started = time.monotonic()
    for model in ("nobody/no-such-model", str(tmp_path)):
        with pytest.raises(UserError, match="cannot load the sentence encoder") as raised:
            make_similarity("minilm", model=model).encode(["a", "b"])
        assert "\n" not in str(raised.value)
    assert time.monotonic() - started < 5
