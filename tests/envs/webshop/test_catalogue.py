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
        ("€12", (12.0,), "$12.0"),
        ("12.00", (12.0,), "$12.0"),
        ("12,99 €", (12.99,), "$12.99"),
        ("€1.299,00", (1299.0,), "$1299.0"),
        ("1,299.00", (1299.0,), "$1299.0"),
        ("$12.00 to $15.00", (12.0, 15.0), "$12.0 to $15.0"),
        ("£5 - £7.5", (5.0, 7.5), "$5.0 to $7.5"),
        ("Currently unavailable", (100.0,), "$100.0"),
        ("$", (100.0,), "$100.0"),
        (12.5, (12.5,), "$12.5"),
        (["$3.10", "4"], (3.1, 4.0), "$3.1 to $4.0"),
        ([None, "soon"], (100.0,), "$100.0"),
        ("12.00$ - 15.00$", (12.0, 15.0), "$12.0 to $15.0"),
        ("1 299,00 kr", (1299.0,), "$1299.0"),
        ("CHF 1'299.-", (1299.0,), "$1299.0"),
        (["$12.00 to $15.00"], (12.0, 15.0), "$12.0 to $15.0"),
        ([[3]], (3.0,), "$3.0"),
        ([float("inf"), -1], (100.0,), "$100.0"),
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


def test_null_and_lists_where_a_text_is_expected(tmp_path):
    product = read_one(
        tmp_path,
        name=None,
        full_description=["For", "summer"],
        small_description=[],
        query=["Sandals", "shoes"],
        product_category=None,
        category=None,
        customization_options={"Color": [{"value": None}, {"value": ""}, "Red", {"value": 7}]},
    )
    assert product.title == ""
    assert product.description == "For summer"
    assert product.bullet_points == ("",)
    assert product.query == "sandals shoes"
    assert (product.category, product.product_category) == ("", "")
    assert product.options == {"color": ("", "red", "7")}
    single = {"Color": "Red", "Size": {"value": "L"}, "Count": 5}
    product = read_one(tmp_path, customization_options=single)
    assert product.options == {"color": ("red",), "size": ("l",), "count": ("5",)}
    product = read_one(tmp_path, small_description=None, customization_options=None)
    assert (product.bullet_points, product.options) == (("",), {})


def test_annotations_may_be_null(tmp_path):
    annotations = {"attributes": None, "instruction": None, "instruction_attributes": "non slip"}
    write(
        tmp_path, [raw_product(asin="B1"), raw_product(asin="B2")], {"B1": annotations, "B2": None}
    )
    one, other = read_products(tmp_path, None)
    assert (one.attributes, one.instruction) == (("DUMMY_ATTR",), "")
    assert one.instruction_attributes == ("non slip",)
    assert other.attributes == ("DUMMY_ATTR",)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": {"en": "Sandals"}},
        {"pricing": {"usd": 3}},
        {"pricing": True},
        {"customization_options": "Red"},
        {"customization_options": {"Color": [{"name": "Red"}]}},
        {"small_description": [{}]},
    ],
)
def test_a_product_that_cannot_be_read_is_named(tmp_path, fields):
    with pytest.raises(UserError, match=r"\A[^\n]*product 0 [^\n]*asin B000000001[^\n]*\Z"):
        read_one(tmp_path, **fields)


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
