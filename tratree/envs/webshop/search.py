"""Full-text search that ranks as the original's Lucene index does."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tratree.envs.webshop.catalogue import Product
from tratree.envs.webshop.terms import terms

_K1, _B = 0.9, 0.4  # the original's (Anserini's defaults)


class SearchIndex:
    """A BM25 index of products, equal scores in the order of their ASINs.

    Each term has a column of weights, one for each product (row) that holds it.

    Args:
        products: The catalogue; at least one product.
    """

    def __init__(self, products: Sequence[Product]) -> None:
        self._products = sorted(products, key=lambda product: product.asin)
        self._columns: dict[str, int] = {}
        rows, columns, counts = array("i"), array("i"), array("f")
        lengths = np.zeros(len(self._products))
        for row, product in enumerate(self._products):
            occurrences = Counter(terms(searched_text(product)))
            lengths[row] = occurrences.total()
            for term, count in occurrences.items():
                rows.append(row)
                columns.append(self._columns.setdefault(term, len(self._columns)))
                counts.append(count)
        by_column = np.argsort(columns, kind="stable")
        holders = np.bincount(columns)
        self._starts = np.concatenate([[0], np.cumsum(holders)])
        self._rows = np.array(rows)[by_column]

        frequencies = np.array(counts)[by_column]
        kept = np.array([_kept_length(int(length)) for length in lengths])
        norms = (_K1 * (1 - _B + _B * kept / lengths.mean())).astype(np.float32)
        rarity = np.log(1 + (len(self._products) - holders + 0.5) / (holders + 0.5))
        weights = frequencies / (frequencies + norms[self._rows])
        self._weights = weights * np.repeat(rarity.astype(np.float32), holders)

    def search(self, text: str, limit: int) -> tuple[Product, ...]:
        """Return the best products for a text, at most `limit`; none that shares no term."""
        scores = np.zeros(len(self._products))
        for term, count in Counter(terms(text)).items():
            if term in self._columns:
                column = self._columns[term]
                found = slice(self._starts[column], self._starts[column + 1])
                scores[self._rows[found]] += count * self._weights[found]
        scores = scores.astype(np.float32)
        wanted = min(limit, int(np.count_nonzero(scores)))
        if wanted == 0:
            return ()
        lowest = np.partition(scores, -wanted)[-wanted]
        candidates = np.flatnonzero(scores >= lowest)
        order = np.argsort(np.negative(scores[candidates]), kind="stable")
        return tuple(self._products[row] for row in candidates[order[:wanted]])


def searched_text(product: Product) -> str:
    """Return what the index holds of a product, lower-case."""
    options = ", and ".join(
        f"{group}: {', '.join(values)}" for group, values in product.options.items()
    )
    return f"{product.title} {product.description} {product.bullet_points[0]} {options}".lower()


def _kept_length(length: int) -> int:
    """Round a document's length down to what Lucene keeps of it: exact below 40, then 4 bits."""
    if length < 40:
        return length
    shift = (length - 24).bit_length() - 4
    return 24 + ((length - 24) >> shift << shift)
