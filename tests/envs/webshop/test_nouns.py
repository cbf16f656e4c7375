"""Telling nouns: the lexicon, and a real spaCy pipeline."""

import pytest
import spacy

from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.nouns import lexicon_nouns, make_tagger
from tratree.envs.webshop.settings import WebShopSettings
from tratree.errors import UserError


@pytest.mark.parametrize(
    ("title", "nouns"),
    [
        ("kalo sandals with rubber sole", ["kalo", "sandals", "rubber", "sole"]),
        ("Women's Shoes for the Beach, Size 9.5", ["women", "shoes", "beach", "size"]),
        ("easily washable cotton shirt", ["cotton", "shirt"]),
        ("Easy Clean mat and Mat", ["easy", "clean", "mat", "mat"]),
        ("12 Pack of 3", ["pack"]),
        ("with 5 for", []),
        ("", []),
        ("数据 ❤", []),
    ],
)
def test_lexicon(title, nouns):
    assert list(lexicon_nouns(title)) == nouns


def test_official_titles_have_nouns(official):
    titles = [product.title for product in read_products(official, 1000)]
    assert [title for title in titles if not lexicon_nouns(title)] == [""]


@pytest.fixture
def pipeline(tmp_path):
    """Return the folder of a small spaCy pipeline that tags by rules."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("attribute_ruler")
    for word, tag in (("sandals", "NOUN"), ("kalo", "PROPN"), ("red", "ADJ")):
        ruler.add(patterns=[[{"LOWER": word}]], attrs={"POS": tag})
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_spacy(pipeline):
    nouns = make_tagger(WebShopSettings(name="webshop", tagger="spacy", spacy_model=str(pipeline)))
    assert nouns("Kalo Red Sandals for sandals") == ("kalo", "sandals", "sandals")


def test_lexicon_is_the_same_by_name():
    title = "Kalo Red Sandals"
    assert make_tagger(WebShopSettings(name="webshop"))(title) == lexicon_nouns(title)


def test_a_model_that_is_not_installed():
    with pytest.raises(UserError, match=r"no model en_nowhere: run python -m spacy download"):
        make_tagger(WebShopSettings(name="webshop", tagger="spacy", spacy_model="en_nowhere"))
