"""The generated catalogue: repeatable, in the official format, of few words, confusable."""

import itertools
import json
import re
from collections import Counter

import pytest
from rapidfuzz import fuzz

from tests.envs.webshop.shops import buy_like_an_oracle, open_shop
from tratree.envs.base import play_expert
from tratree.envs.webshop.assortment import RANGES
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.colours import COLOURS, fold_colour
from tratree.envs.webshop.generated_catalogue import generate_catalogue
from tratree.envs.webshop.goals import human_goals, synthetic_goals
from tratree.errors import UserError

FILES = ("items_shuffle.json", "items_ins_v2.json", "items_human_ins.json")


def content(folder):
    return [(folder / name).read_bytes() for name in FILES]


def test_equal_seeds_give_equal_bytes(tmp_path):
    folders = [tmp_path / name for name in ("one", "same", "other")]
    for folder, seed in zip(folders, (3, 3, 4), strict=True):
        folder.mkdir()
        generate_catalogue(folder, 60, seed)
    assert content(folders[0]) == content(folders[1])
    assert all(a != b for a, b in zip(content(folders[0]), content(folders[2]), strict=True))
    assert sorted(path.name for path in folders[0].iterdir()) == sorted(FILES)


@pytest.mark.parametrize("count", [13, 12_600])
def test_identifiers_look_like_official_ones(tmp_path, count):
    generate_catalogue(tmp_path, count, 0)
    asins = {p.asin for p in read_products(tmp_path, None)}
    assert len(asins) == count
    assert all(re.fullmatch(r"B0[A-Z0-9]{8}", asin) for asin in asins)


def test_catalogues_of_a_size_share_identifiers_but_not_their_meaning(generated, tmp_path):
    generate_catalogue(tmp_path, 1000, seed=1)
    one, other = ({p.asin: p for p in read_products(f, None)} for f in (generated, tmp_path))
    assert one.keys() == other.keys()
    assert sum(one[asin].title == other[asin].title for asin in one) < 50
    families = {asin[:6]: {p.title for p in one.values() if p.asin[:6] == asin[:6]} for asin in one}
    assert len(families) == 200
    assert all(len(titles) == 1 for titles in families.values())


def test_records_have_the_official_fields(generated, official):
    ours = json.loads((generated / "items_shuffle.json").read_text())
    theirs = json.loads((official / "items_shuffle_1000.json").read_text())
    assert {frozenset(record) for record in ours} <= {frozenset(record) for record in theirs}


def test_near_duplicates(generated):
    products = read_products(generated, None)
    titles = Counter(p.title for p in products)
    assert all(count % 5 == 0 for count in titles.values())
    pages = {str((p.title, p.prices, p.attributes, p.options)) for p in products}
    assert len(pages) > 0.98 * len(products)
    by_title: dict[str, list] = {}
    for product in products:
        by_title.setdefault(product.title, []).append(product)
    for varying in ("prices", "attributes", "options"):
        differing = [len({str(getattr(p, varying)) for p in group}) for group in by_title.values()]
        assert sum(count > 1 for count in differing) > 0.9 * len(differing)


def test_few_words_make_up_all_pages(generated):
    products = read_products(generated, None)
    goals = synthetic_goals(products, 0) + human_goals(products, generated, 0)
    texts = [goal.instruction for goal in goals]
    for p in products:
        texts += [p.title, p.description, *p.bullet_points, p.price_tag, *p.options]
        texts += [value for values in p.options.values() for value in values]
    words = {word.strip(".,:") for text in texts for word in text.split()}
    assert len(words) < 200


def test_episodes_are_short_on_compact_pages(generated):
    env = open_shop(generated, pages="compact")
    played = [play_expert(env, task) for task in env.tasks("all")[:100]]
    words = [
        sum(len(f"{s.thought} {s.action} {s.observation}".split()) for s in t.steps[:-1])
        for t in played
    ]
    assert max(words) < 500


def test_attributes_and_options_are_told_apart():
    for goods in RANGES:
        for one, other in itertools.combinations(goods.attributes, 2):
            assert fuzz.token_set_ratio(one, other) < 85
        for group, values in goods.options.items():
            assert all(value in COLOURS or fold_colour(value) == value for value in values)
            for one, other in itertools.permutations(values, 2):
                assert fuzz.token_set_ratio(f"{group} {one}", other) < 85


def test_an_oracle_meets_every_goal(generated):
    products = read_products(generated, None)
    goals = synthetic_goals(products, 0)[::9] + human_goals(products, generated, 0)[::9]
    env = open_shop(generated, goals=goals)
    for task, goal in zip(env.tasks("all"), goals, strict=True):
        assert buy_like_an_oracle(env, task, goal).success, goal


def test_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match=r"can't write a catalogue into .*nowhere"):
        generate_catalogue(tmp_path / "nowhere", 5, 0)
