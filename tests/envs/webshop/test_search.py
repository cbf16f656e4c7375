"""Search against a plain computation of Lucene's BM25."""

import math
import random
from collections import Counter

import pytest

from tests.envs.webshop.shops import make_product
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.search import SearchIndex
from tratree.envs.webshop.terms import terms


def plain_scores(texts, query):
    """Score texts by the formula; only for lengths below 40, which are kept exactly."""
    documents = [Counter(terms(text)) for text in texts]
    average = sum(d.total() for d in documents) / len(documents)
    scores = [0.0] * len(documents)
    for term in terms(query):
        holders = sum(term in d for d in documents)
        rarity = math.log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
        for i, d in enumerate(documents):
            norm = 0.9 * (1 - 0.4 + 0.4 * d.total() / average)
            scores[i] += rarity * d[term] / (d[term] + norm)
    return scores


def titled(titles):
    return [
        make_product(asin=f"B{i:03d}", title=title, description="", bullet_points=("",), options={})
        for i, title in enumerate(titles)
    ]


def test_ranking_is_bm25():
    rng = random.Random(0)
    words = ["red", "blue", "green", "shoes", "boots", "sandals", "rubber", "soft"]
    titles = [" ".join(rng.choices(words, k=rng.randint(1, 30))) for _ in range(60)]
    index = SearchIndex(titled(titles))
    for _ in range(40):
        query = " ".join(rng.choices([*words, "unknown", "the"], k=rng.randint(1, 6)))
        scores = plain_scores(titles, query)
        found = index.search(query, 10)
        expected = sorted(range(60), key=lambda i: (-round(scores[i], 5), i))[:10]
        assert [int(p.asin[1:]) for p in found] == [i for i in expected if scores[i] > 0]


@pytest.mark.parametrize(
    ("shorter", "longer", "same"),
    [
        (38, 39, False),
        (39, 40, False),
        (40, 41, True),
        (41, 42, False),
        (56, 59, True),
        (59, 60, False),
        (280, 311, True),
        (311, 312, False),
    ],
)
def test_lengths_are_kept_in_one_byte(shorter, longer, same):
    texts = ["word " + "filler " * (length - 1) for length in (longer, shorter)]
    first, _ = SearchIndex(titled(texts)).search("word", 2)
    assert first.asin == ("B000" if same else "B001")


def test_equal_scores_come_in_the_order_of_identifiers():
    products = titled(["red shoes"] * 8)
    shuffled = random.Random(1).sample(products, 8)
    assert SearchIndex(shuffled).search("shoes", 5) == tuple(products[:5])


def test_indexed_texts():
    product = make_product()
    index = SearchIndex([product, *titled(["other"])])
    for text in ("kalo", "beach", "non slip", "navy", "size"):
        assert index.search(text, 50) == (product,)
    for text in ("summer", "fashion", "clothing", "the", "", "?!"):
        assert index.search(text, 50) == ()


def test_the_order_of_the_catalogue_changes_nothing(generated):
    products = read_products(generated, None)
    index = SearchIndex(products)
    other = SearchIndex(random.Random(2).sample(products, len(products)))
    for query in ("rubber sole sandals red 7", "easy clean", "kalo chips lemon"):
        found = index.search(query, 50)
        assert len(found) == 50
        assert found == other.search(query, 50)
