"""Vectors of observations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.errors import UserError
from tratree.tree.sentence_embeddings import SentenceEmbeddings
from tratree.tree.similarity import CharacterNgrams, ExactText, make_similarity

DISTINCT = st.lists(st.text(max_size=30), unique=True, min_size=1, max_size=6)


@pytest.mark.parametrize("similarity", [ExactText(), CharacterNgrams()])
@given(DISTINCT, DISTINCT)
def test_cosines_of_each_group(similarity, texts, others):
    first, second = similarity.cosines([texts, others])
    for group, cosines in ((texts, first), (others, second)):
        assert cosines.shape == (len(group), len(group))
        assert np.allclose(np.diag(cosines), 1, atol=1e-6)
        assert np.allclose(cosines, cosines.T)
        assert np.abs(cosines).max() < 1 + 1e-6
        assert np.array_equal(cosines, similarity.cosines([group])[0])


def test_exact_text_finds_nothing_alike():
    (cosines,) = ExactText().cosines([["a mug", "a mug ", "A mug"]])
    assert np.array_equal(cosines, np.eye(3))


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
