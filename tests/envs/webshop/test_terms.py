"""Splitting texts into index terms."""

from pathlib import Path

import pytest

from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.characters import character_classes
from tratree.envs.webshop.search import _kept_length, searched_text
from tratree.envs.webshop.terms import terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The men's Running SHOES", ["men", "run", "shoe"]),
        ("women’s", ["women"]),
        ("t-shirts, 50% off", ["t", "shirt", "50", "off"]),
        ("e.g 1.5 1,000 1:2 foo:bar d'or", ["e.g", "1.5", "1,000", "1", "2", "foo:bar", "d'or"]),
        ('1-1⁄2" wide', ["1", "1⁄2", "wide"]),
        ("us:6 _ uk:10 __", ["us", "6", "uk", "10"]),
        ("snake_case _a", ["snake_cas", "_a"]),
        ("❤❤【note】", ["❤", "❤", "note"]),
        ("👍🏽 👩‍🔧 🇩🇪 ™", ["👍🏽", "👩‍🔧", "🇩🇪", "™"]),
        ("数据 きれ カタカナ", ["数", "据", "き", "れ", "カタカナ"]),
        ("possibly technology trekking as us", ["possibl", "technolog", "trek", "us"]),
        ("★5☚☛☞♚♡♥♫♬ ❥❦❧", ["★", "5", *"☚☛☞♚♡♥♫♬❥❦❧"]),
        ("", []),
        ("\x00\n []<>", []),
    ],
)
def test_terms_of_lucene(text, expected):
    assert terms(text) == expected


def test_the_table_does_not_follow_the_library():
    """Of Unicode 16.0, by regex 2024.11.6; later versions have other numbers."""
    table = character_classes()
    counts = {}
    for code in range(0x110000):
        counts[table[code]] = counts.get(table[code], 0) + 1

    def count(name):
        return sum(counts[letter] for letter in table.pattern(name)[1:-1])

    assert count("letter") == 33791 + 75
    assert count("digit") == 774
    assert count("katakana") == 331
    assert count("emoji") == 3537
    assert count("attached") == 2605 + 58 + 1
    assert count("flag") == 26


def test_document_lengths_of_the_official_catalogue(official):
    """The index made with Lucene itself has the same length of each of the 1,000 documents.

    lucene_norms.txt has the bytes of its `_1.nvd` (webshop_minimal/search_engine/indexes of
    ZihanWang314/webshop-minimal @ec82552, MIT), in the order of the ASINs.
    """
    norms = bytes.fromhex(Path(__file__).with_name("lucene_norms.txt").read_text())
    products = sorted(read_products(official, 1000), key=lambda product: product.asin)
    lengths = [len(terms(searched_text(product))) for product in products]
    assert sum(lengths) == 107608
    assert [_kept_length(length) for length in lengths] == [lucene_length(norm) for norm in norms]


def lucene_length(norm):
    """Decode a byte as Lucene's SmallFloat.byte4ToInt does."""
    if norm < 24:
        return norm
    exponent, bits = divmod(norm - 24, 8)
    return 24 + (bits if exponent == 0 else (bits | 8) << exponent - 1)
