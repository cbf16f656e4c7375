"""Splitting texts into index terms."""

import pytest

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
        ("", []),
        ("\x00\n []<>", []),
    ],
)
def test_terms_of_lucene(text, expected):
    assert terms(text) == expected
