"""Reading catalogues in WebShop's format, whole and damaged."""

import json

import pytest

from tests.envs.webshop.shops import raw_product
from tratree.envs.webshop.catalogue import read_products
from tratree.errors import UserError


def write(folder, records, attributes=None, suffix=""):
    (folder / f"items_shuffle{suffix}.json").write_text(json.dumps(records))
    (folder / f"items_ins_v2{suffix}.json").write_text(json.dumps(attributes or {}))


def read_one(folder, **fields):
    write(folder, [raw_product(**fields)])
    (product,) = read_products(folder, None)
    return product


@pytest.mark.parametrize(
    ("pricing", "prices", "tag"),
    [
        ("$25.00", (25.0,), "$25.0"),
        ("$1,025.50", (1025.5,), "$1025.5"),
        ("$9.49$14.98", (9.49, 14.98), "$9.49 to $14.98"),
        ("$1.00$2.00$3.00", (1.0, 2.0), "$1.0 to $2.0"),
        ([877.8], (877.8,), "$877.8"),
        ([9.49, 14.98], (9.49, 14.98), "$9.49 to $14.98"),
        ([20], (20.0,), "$20.0"),
        ("", (100.0,), "$100.0"),
        ([], (100.0,), "$100.0"),
        (None, (100.0,), "$100.0"),
    ],
)
def test_prices_are_strings_or_lists(tmp_path, pricing, prices, tag):
    product = read_one(tmp_path, pricing=pricing)
    assert product.prices == prices
    assert product.price_tag == tag


def test_options_query_and_bullets_are_normalised(tmp_path):
    product = read_one(
        tmp_path,
        customization_options={"Color": [{"value": " Red/Blue "}], "Size": None},
        small_description="one text",
    )
    assert product.options == {"color": ("red | blue",)}
    assert product.query == "sandals"
    assert product.bullet_points == ("one text",)
    assert product.attributes == ("DUMMY_ATTR",)
    assert product.instruction == ""


def test_repeated_and_unusable_identifiers_are_passed_over(tmp_path):
    asins = ["B1", "nan", "B2", "B1", "B0000000001", "B3"]
    write(tmp_path, [raw_product(asin=asin) for asin in asins])
    assert [p.asin for p in read_products(tmp_path, None)] == ["B1", "B2", "B3"]
    assert [p.asin for p in read_products(tmp_path, 3)] == ["B1", "B2"]


def test_files_of_the_wanted_size_come_first(tmp_path):
    write(tmp_path, [raw_product(asin="B1"), raw_product(asin="B2")])
    write(tmp_path, [raw_product(asin="B3")], suffix="_1")
    assert [p.asin for p in read_products(tmp_path, 1)] == ["B3"]
    assert [p.asin for p in read_products(tmp_path, 2)] == ["B1", "B2"]
    assert [p.asin for p in read_products(tmp_path, None)] == ["B1", "B2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", r"items_shuffle.json is not JSON"),
        ("{}", r"items_shuffle.json holds no JSON list"),
        ('[{"asin": "B1"}]', r"product 0 is not in WebShop's format \(KeyError: 'small_descrip"),
        ("[5]", r"product 0 is not in WebShop's format \(TypeError"),
        ('[{"asin": 7}]', r"product 0 is not in WebShop's format \(TypeError"),
    ],
)
def test_damaged_files_are_named(tmp_path, content, message):
    write(tmp_path, [])
    (tmp_path / "items_shuffle.json").write_text(content)
    with pytest.raises(UserError, match=message):
        read_products(tmp_path, None)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"can't read .*items_shuffle.json .*: download it first"):
        read_products(tmp_path, 1000)


def test_official_catalogue(official):
    products = read_products(official, 1000)
    assert len(products) == 1000
    assert {p.category for p in products} == {
        "beauty",
        "electronics",
        "fashion",
        "garden",
        "grocery",
    }
    assert sum(len(p.prices) == 2 for p in products) == 93
