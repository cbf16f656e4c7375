"""Pages and actions of the environment."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.envs.webshop.shops import make_product, open_shop
from tratree.envs.webshop.actions import action_key
from tratree.envs.webshop.environment import WebShopEnv
from tratree.envs.webshop.goals import synthetic_goals
from tratree.envs.webshop.nouns import lexicon_nouns
from tratree.envs.webshop.settings import WebShopSettings
from tratree.errors import UserError
from tratree.trajectory.types import Task

PRODUCTS = [
    make_product(),
    *(
        make_product(
            asin=f"B0000001{i:02d}",
            title=f"Boots {i}",
            options={},
            prices=(5.0, 9.5),
            description="",
        )
        for i in range(60)
    ),
]


def make_env(products=PRODUCTS, **settings):
    goals = synthetic_goals(products[:1], 0)
    return WebShopEnv(
        products,
        goals,
        {"test": range(len(goals)), "empty": range(0)},
        WebShopSettings(**{"name": "webshop", "pages": "official"} | settings),
        lexicon_nouns,
    )


@pytest.fixture
def env():
    return make_env()


@pytest.fixture
def task(env):
    (task,) = [t for t in env.tasks("test") if "color: red, and size: 8" in t.instruction]
    return task


def play(env, task, *actions):
    results = [env.reset(task), *(env.step(action) for action in actions)]
    assert all(result.valid for result in results)
    return results[-1]


def test_tasks(env, task):
    tasks = env.tasks("test")
    assert [t.task_id for t in tasks] == [f"webshop_{i}" for i in range(4)]
    assert task.task_type == "fashion"
    assert task.split == "test"
    assert task.instruction.startswith("Find me non slip sandals with color: red, and size: 8, and")
    with pytest.raises(UserError, match="no split 'valid': use one of empty, test"):
        env.tasks("valid")
    with pytest.raises(UserError, match="split 'empty' is empty, as there are only 4 goals"):
        env.tasks("empty")


def test_first_page(env, task):
    result = env.reset(task)
    assert result.observation == f"WebShop [SEP] Instruction: [SEP] {task.instruction} [SEP] Search"
    assert (result.score, result.success, result.finished) == (0, False, False)
    assert env.admissible() == [f"search[{task.instruction}]"]
    assert env.step(env.admissible()[0]).valid


def test_results(env, task):
    head = f"Instruction: [SEP] {task.instruction} [SEP] Back to Search [SEP] "
    one = play(env, task, "search[kalo]").observation
    assert one == (
        head + "Page 1 (Total results: 1) [SEP] Next > [SEP] B000000001 [SEP] "
        "Kalo Sandals with Rubber Sole [SEP] $25.0"
    )
    first = play(env, task, "search[boots]").observation
    assert first.startswith(
        head + "Page 1 (Total results: 50) [SEP] Next > [SEP] B000000100 [SEP] Boots 0 [SEP] "
        "$5.0 to $9.5 [SEP] B000000101"
    )
    assert first.count("Boots ") == 10
    second = env.step("click[Next >]").observation
    assert second.startswith(
        head + "Page 2 (Total results: 50) [SEP] < Prev [SEP] Next > [SEP] B000000110 "
    )
    assert env.step("click[< Prev]").observation == first
    beyond = [env.step("click[Next >]") for _ in range(5)][-1].observation
    assert beyond == head + "Page 6 (Total results: 50) [SEP] < Prev [SEP] Next >"
    assert env.step("search[nothing]").observation == (
        head + "Page 1 (Total results: 0) [SEP] Next >"
    )


def test_item_and_details(env, task):
    head = f"Instruction: [SEP] {task.instruction} [SEP] Back to Search [SEP] < Prev"
    item = play(env, task, "search[kalo]", "click[B000000001]")
    assert item.observation == (
        head + " [SEP] color [SEP] red [SEP] navy [SEP] size [SEP] 7 [SEP] 8 [SEP] "
        "Kalo Sandals with Rubber Sole [SEP] Price: $25.0 [SEP] Rating: N.A. [SEP] Description "
        "[SEP] Features [SEP] Reviews [SEP] Buy Now"
    )
    assert env.admissible() == [
        f"click[{label}]"
        for label in (
            *("7", "8", "< Prev", "Back to Search", "Buy Now", "Description", "Features"),
            *("Reviews", "navy", "red"),
        )
    ]
    for button, shown in (
        ("Description", " [SEP] Sandals for the beach."),
        ("Features", " [SEP] Non slip [SEP] For Summer"),
        ("Reviews", ""),
    ):
        assert env.step(f"click[{button}]").observation == head + shown
        assert env.admissible() == ["click[< Prev]", "click[Back to Search]"]
        assert env.step("click[< Prev]").observation == item.observation
    assert not env.step("click[Attributes]").valid


def test_attributes_button():
    env = make_env(attributes_button=True)
    task = env.tasks("test")[0]
    item = play(env, task, "search[kalo]", "click[B000000001]").observation
    assert item.endswith("Reviews [SEP] Attributes [SEP] Buy Now")
    assert env.step("click[Attributes]").observation.endswith(
        "< Prev [SEP] rubber sole [SEP] non slip [SEP] fashion [SEP] sandals [SEP] "
        "Clothing › Shoes › Sandals"
    )


def test_compact_pages():
    env = make_env(pages="compact")
    task = env.tasks("test")[0]
    assert task.instruction in env.reset(task).observation
    results = env.step("search[boots]").observation
    assert results.startswith("Back to Search [SEP] Page 1 (Total results: 50)")
    assert results.count("Boots ") == 5


def test_purchase(env, task):
    result = play(
        env, task, "search[kalo]", "click[B000000001]", "click[red]", "click[8]", "click[Buy Now]"
    )
    assert (result.score, result.success, result.finished) == (1.0, True, True)
    assert result.observation.startswith("Thank you for shopping with us!")
    assert "B000000001" in result.observation
    assert '{"color": "red", "size": "8"}' in result.observation
    assert result.observation.endswith(
        "Your score (min 0.0, max 1.0) [SEP] 1.0 [SEP] Reward Details [SEP] None"
    )
    assert env.admissible() == []
    assert env.step("search[boots]") == result


@pytest.mark.parametrize(
    ("between", "score"),
    [
        ((), 1.0),
        (("click[Features]", "click[< Prev]"), 1.0),
        (("click[navy]",), 3 / 4),
        (("click[navy]", "click[red]"), 1.0),
        (("click[< Prev]", "click[B000000001]"), 1 / 2),
        (("click[Back to Search]", "search[kalo]", "click[B000000001]"), 1 / 2),
        (("search[kalo]", "click[B000000001]", "click[8]"), 3 / 4),
    ],
)
def test_leaving_a_product_drops_its_options(env, task, between, score):
    chosen = ("search[kalo]", "click[B000000001]", "click[red]", "click[8]")
    result = play(env, task, *chosen, *between, "click[Buy Now]")
    assert result.score == score
    assert result.success == (score == 1)


def test_the_price_of_a_range_counts(task):
    dear = replace(PRODUCTS[0], prices=(1.0, 1000.0))
    scores = set()
    for seed in range(20):
        env = make_env(products=[dear], price_seed=seed)
        actions = ("search[kalo]", "click[B000000001]", "click[red]", "click[8]", "click[Buy Now]")
        scores.add(play(env, task, *actions).score)
    assert scores == {3 / 4, 1.0}


@pytest.mark.parametrize(
    ("action", "same_as"),
    [
        ("CLICK[b000000001]", "click[B000000001]"),
        ("  Click [ B000000001 ]\n", "click[B000000001]"),
        ("click[B000000001] Next, I choose.", "click[B000000001]"),
        ("click[next   >]", "click[Next >]"),
        ("SEARCH[Boots]", "search[boots]"),
        ("search[[boots]]", "search[boots]"),
    ],
)
def test_spelling_of_actions(env, task, action, same_as):
    expected = play(env, task, "search[kalo]", same_as)
    assert play(env, task, "search[kalo]", action) == expected


@pytest.mark.parametrize(
    "action",
    [
        "search",
        "search[]",
        "search[ ]",
        "search[boots",
        "buy now",
        "click[]",
        "click[Search]",
        "click[Buy Now]",
        "click[B000000100]",
        "click[red]",
        "say click[B000000001]",
        "click[" + "x" * 10_000 + "]",
    ],
)
def test_bad_actions_leave_the_page(env, task, action):
    before = play(env, task, "search[kalo]")
    after = env.step(action)
    assert after == replace(before, valid=False)
    assert env.step("click[B000000001]").valid


@pytest.fixture(scope="module")
def large(generated):
    return open_shop(generated, pages="compact")


WORDS = st.sampled_from(["sandals", "red", "Features", "Buy Now", "< Prev", "Next >", "7", "B0"])
ACTIONS = st.one_of(
    st.text(max_size=40),
    st.builds("{}[{}]".format, st.sampled_from(["search", "click", "Search"]), st.text(max_size=9)),
    st.builds("{}[{}]".format, st.sampled_from(["search", "click"]), WORDS),
    st.integers(0, 40),
)
"""Texts, and numbers that choose among the admissible actions."""


@given(number=st.integers(0, 8999), actions=st.lists(ACTIONS, max_size=12))
@settings(max_examples=60)
def test_any_actions_are_played_alike_twice(large, number, actions):
    task = large.tasks("all")[number]
    transcripts = []
    for _ in range(2):
        results = [large.reset(task)]
        for action in actions:
            admissible = large.admissible()
            if isinstance(action, int) and admissible:
                results.append(large.step(admissible[action % len(admissible)]))
                assert results[-1].valid
            else:
                results.append(large.step(str(action)))
            assert 0 <= results[-1].score <= 1
            assert results[-1].finished or results[-1].score == 0
        transcripts.append(results)
    assert transcripts[0] == transcripts[1]


def test_a_goal_that_is_not_in_the_catalogue_is_named(env):
    with pytest.raises(UserError, match="no goal webshop_99 in this catalogue"):
        env.reset(Task("webshop_99", "test", "", ""))


def test_it_can_be_opened_again_after_it_was_closed(env, task):
    env.close()
    assert play(env, task, "search[kalo]").valid


def test_what_is_listed_is_accepted_whatever_texts_hold():
    """Empty options, line breaks in options, titles and the instruction, brackets."""
    odd = make_product(
        title="Kalo\nSandals",
        instruction="Find me\nsandals",
        options={"color": ("", "light\nblue", "a] b [c"), "\n": ("  wide\t one ",)},
    )
    env = make_env(products=[odd, *PRODUCTS[1:]])
    task = env.tasks("test")[0]
    env.reset(task)
    (search,) = env.admissible()
    assert "\n" not in search
    assert env.step(search).valid
    assert env.step(f"click[{odd.asin}]").valid
    offered = env.admissible()
    assert {"click[]", "click[light blue]", "click[a] b [c]", "click[wide one]"} <= set(offered)
    for action in offered:
        play(env, task, search, f"click[{odd.asin}]", action)
        typed = action.upper() if "b [" in action else action.upper().replace(" ", "\n")
        assert action_key(typed) == action_key(action)
        assert play(env, task, search, f"click[{odd.asin}]", typed).valid
    expert = env.expert(task)
    result = env.reset(task)
    while not result.finished:
        result = env.step(expert(result)[1])
        assert result.valid


def test_a_forgiving_shop(task):
    strict, forgiving = make_env(), make_env(forgiving=True)
    before = ("search[kalo]", "click[B000000001]")
    for typed in ("click[the red.]", "click[Buy Now.]", "click[a Features]"):
        play(strict, task, *before)
        assert not strict.step(typed).valid
        play(forgiving, task, *before)
        assert forgiving.step(typed).valid
    play(forgiving, task, *before)
    assert not forgiving.step("click[the purple.]").valid
