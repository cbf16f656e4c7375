"""The nouns of a product's title, by which WebShop judges whether it is the right kind of thing."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from tratree.envs.webshop.settings import WebShopSettings
from tratree.errors import UserError

Tagger = Callable[[str], tuple[str, ...]]
"""Returns the nouns of a title, lower-case, in order, repeated ones too."""

_TOKEN = re.compile(r"\d[\w.]*|[A-Za-z]+(?=['’]s\b)|[A-Za-z][A-Za-z'’]*")
_FUNCTION_WORDS = """
    a about above across after against all along also am among an and any are around as at away be
    because been before behind being below beneath beside between beyond both but by can could did
    do does during each either every few for from had has have he her here hers him his how i if in
    inside into is it its just less many may me might mine more most much must my near neither no
    nor not now of off on once one only onto or other our ours out over own per please plus same
    several shall she should since so some such than that the their them then there these they this
    those through to together too toward towards two three four five six seven eight nine ten under
    until up upon us very via was we were what when where which while who whose why will with within
    without would you your yours
"""
_ADJECTIVES_AND_VERBS = """
    add apply assemble attach baked beautiful best better big black blue bold brand-new brown build
    carry casual cheap classic clean clear clip comes comfy compact cool cordless cozy crisp cute
    dark deep delicious dense digital dry dual durable easy elegant elastic enhance exfoliate extra
    fast fat fine firm fit fits flat fluffy fold free fresh full fun gentle gets give gives glossy
    good gray great green grey handmade hard healthy heavy help helps hidden high holds hot huge
    ideal includes inspired keep large larger late lengthen light little long longer look loose
    loud low made make makes matte mini mixed modern moist multi narrow natural new nice non nude
    old open orange organic outdoor perfect pink plain plump portable pre pretty prevent prevents
    pro protect protects pure purple quick quiet raw ready real red reduce reduces relieve relieves
    remove removes repair replace rich ripe rough round royal rustic safe semi sensitive sexy
    shatter sharp sheer shiny short simple sleek slim small smart smooth soft solid spicy square
    stand sterile sticky stimulate strong super sure sweet tall tender thick thin tight tiny toned
    tough true ultra unframed unisex use uses vegan vintage warm wash wear wet white whole wide wild
    worn yellow young
"""
_NO_NOUNS_IN_ANY_CASE = frozenset(_FUNCTION_WORDS.split())
_NO_NOUNS_IN_LOWER_CASE = frozenset(_ADJECTIVES_AND_VERBS.split())
_ADJECTIVE_ENDINGS = (
    "able", "al", "ed", "ful", "ible", "ic", "ing", "ish", "ive", "less", "ly", "ous", "proof",
)  # fmt: skip


def lexicon_nouns(title: str) -> tuple[str, ...]:
    """Tell nouns by word lists and endings; in titles, words with a capital count as names.

    >>> lexicon_nouns("Vhomes Lights Console Table for a cozy living room, set of 2")
    ('vhomes', 'lights', 'console', 'table', 'room', 'set')
    """
    return tuple(word.lower() for word in _TOKEN.findall(title) if _is_noun(word))


def _is_noun(word: str) -> bool:
    lower = word.lower()
    if lower[0].isdigit() or lower in _NO_NOUNS_IN_ANY_CASE or len(lower) < 2:
        return False
    return word[0].isupper() or not (
        lower in _NO_NOUNS_IN_LOWER_CASE or lower.endswith(_ADJECTIVE_ENDINGS)
    )


def make_tagger(settings: WebShopSettings) -> Tagger:
    """Return a tagger that remembers its answers.

    Raises:
        UserError: If spaCy or its model is wanted and not installed.
    """
    if settings.tagger == "spacy":
        return cache(_spacy_tagger(settings.spacy_model))
    return cache(lexicon_nouns)


def _spacy_tagger(model: str) -> Tagger:
    try:
        import spacy
    except ImportError as error:
        raise UserError(
            "env.tagger=spacy needs spaCy: install tratree[spacy], or use env.tagger=lexicon"
        ) from error
    try:
        pipeline = spacy.load(model)
    except OSError as error:
        raise UserError(
            f"spaCy has no model {model}: run python -m spacy download {model}, set "
            "env.spacy_model to a folder, or use env.tagger=lexicon"
        ) from error
    return lambda title: tuple(
        token.text.lower() for token in pipeline(title) if token.pos_ in ("NOUN", "PROPN")
    )
