"""The page of a run in a headless Chromium: choosing episodes, colours, paper, hostile texts."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import emulate, open_chromium, requested_addresses
from tests.report.run_examples import (
    ATTACK,
    begun_run,
    finished_run,
    hostile_run,
    repeating_run,
)
from tratree.report.run_page import render

pytestmark = pytest.mark.browser
RUNS = {
    **{"finished": finished_run, "begun": begun_run, "hostile": hostile_run},
    "repeating": repeating_run,
}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    for name, run in RUNS.items():
        (folder / f"{name}.html").write_text(render(run()), encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in RUNS}


def texts(driver: Any, selector: str) -> list[str]:
    return [found.text for found in driver.find_elements("css selector", selector)]


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_loaded_or_logged(driver: Any, pages: dict[str, str], name: str) -> None:
    driver.get("about:blank")
    requested_addresses(driver)
    driver.get(pages[name])
    addresses = requested_addresses(driver)
    assert pages[name] in addresses
    assert all(a == pages[name] or a.startswith("data:") for a in addresses)
    assert driver.get_log("browser") == []


def test_the_same_episode_of_all_systems(driver: Any, pages: dict[str, str]) -> None:
    driver.get(pages["finished"])
    assert texts(driver, "optgroup option") == [
        "do hard (test): sft_weak 0.00, sft_strong 0.00, mcts 1.00",
        "do easy (test): sft_weak 1.00, sft_strong 1.00, mcts 1.00",
        "do same (test): sft_weak 0.00, sft_strong 0.00, mcts 0.00",
    ]
    assert texts(driver, "#found") == ["3 episodes"]
    assert texts(driver, "#played > h3") == ["do hard"]
    assert texts(driver, ".played h3") == ["sft_weak", "sft_strong", "mcts"]
    assert texts(driver, ".action") == ["go", "wait", "go", "wait", "go", "take"]
    assert texts(driver, ".diverges .action") == ["wait", "wait", "take"]
    assert texts(driver, ".solved") == ["✓ solved"]
    driver.find_element("id", "next").click()
    assert texts(driver, "#played > h3") == ["do easy"]
    driver.find_element("id", "previous").click()
    driver.find_element("id", "previous").click()
    assert texts(driver, "#played > h3") == ["do same"]
    assert texts(driver, ".diverges") == []
    driver.find_element("css selector", "#episode option[value='1']").click()
    assert texts(driver, "#played > h3") == ["do easy"]
    assert texts(driver, "#first") == ["easy begins."]


def test_steps_that_repeat_are_one(driver: Any, pages: dict[str, str]) -> None:
    driver.get(pages["repeating"])
    assert texts(driver, ".played:nth-child(1) .action") == ["go × 2", "look × 27", "take"]
    # The step in which they diverge begins a row of its own.
    assert texts(driver, ".played:nth-child(2) .action") == ["go × 2", "take"]
    assert texts(driver, ".diverges .action") == ["look × 27", "take"]


def pressed(driver: Any, *keys: str) -> list[str]:
    driver.switch_to.active_element.send_keys(*keys)
    return texts(driver, "#played > h3")


def test_episodes_are_found_by_search_filter_and_keys(driver: Any, pages: dict[str, str]) -> None:
    from selenium.webdriver import Keys

    driver.get(pages["finished"])
    assert pressed(driver, Keys.ARROW_RIGHT) == ["do easy"]
    assert pressed(driver, Keys.ARROW_LEFT, Keys.ARROW_LEFT) == ["do same"]
    assert pressed(driver, "/", "hard") == ["do hard"]
    assert texts(driver, "#found") == ["1 of 3 episodes"]
    assert pressed(driver, Keys.ESCAPE, Keys.ARROW_RIGHT) == ["do easy"]
    assert pressed(driver, "/", "TAKE", " easy") == ["do easy"]  # an action, a task
    assert pressed(driver, Keys.ESCAPE, "/", "nowhere") == ["do easy"]
    assert texts(driver, "#found") == ["Nothing found: try fewer words, or another outcome."]
    assert not driver.find_element("id", "next").is_enabled()
    pressed(driver, Keys.ESCAPE)
    for outcome, found in (
        *(("differ", ["do hard"]), ("same", ["do easy", "do same"]), ("none", ["do same"])),
        *(("solved 2", ["do hard", "do easy"]), ("only 2", ["do hard"]), ("only 0", [])),
    ):
        driver.find_element("css selector", f"#outcome option[value='{outcome}']").click()
        options = texts(driver, "#episode option")
        assert [said.split(" (")[0] for said in options] == found


def test_a_link_opens_an_episode(driver: Any, pages: dict[str, str]) -> None:
    driver.get(pages["finished"])
    driver.find_element("id", "next").click()
    link = driver.current_url
    assert link.endswith("#episode=easy&split=test")
    driver.get("about:blank")
    driver.get(link)
    assert texts(driver, "#played > h3") == ["do easy"]
    driver.execute_script("location.hash = 'episode=same'")
    driver.execute_async_script("setTimeout(arguments[0], 50)")
    assert texts(driver, "#played > h3") == ["do same"]
    driver.get(pages["finished"] + "#episode=gone")
    driver.refresh()
    assert texts(driver, "#played .missing") == ["There is no episode gone here."]


def test_without_episodes_there_is_nothing_to_choose(driver: Any, pages: dict[str, str]) -> None:
    driver.get(pages["begun"])
    assert texts(driver, "form") == []
    assert any("No episode has been evaluated yet" in said for said in texts(driver, ".missing"))


def test_texts_never_become_markup(driver: Any, pages: dict[str, str]) -> None:
    driver.get(pages["hostile"])
    assert driver.title != "attacked"
    assert driver.find_elements("css selector", "img, #played script") == []
    assert texts(driver, ".action") == [ATTACK]
    assert texts(driver, ".played h3") == [ATTACK]


def contrast(driver: Any, selector: str) -> float:
    """Return the contrast of a text with the page, as WCAG defines it."""

    def light(colour: str) -> float:
        numbers = [float(n) / 255 for n in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        parts = [n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in numbers]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    read = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    dark, bright = sorted(
        light(driver.execute_script(read, place, name))
        for place, name in ((selector, "color"), ("body", "backgroundColor"))
    )
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_readable(driver: Any, pages: dict[str, str], scheme: str) -> None:
    emulate(driver, prefers_color_scheme=scheme)
    driver.get(pages["finished"])
    background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 22, 26)"}[scheme]
    for selector in ("body", "#status", ".solved", ".unsolved", ".thought", "select"):
        assert contrast(driver, selector) >= 4.5, selector
    drawn = driver.execute_script(
        "return [...document.querySelectorAll('figure svg path')].map("
        "e => getComputedStyle(e).fill)"
    )
    # The paper of a drawing is that of the page.
    assert background in drawn
    assert ({"light": "rgb(20, 22, 26)", "dark": "rgb(255, 255, 255)"}[scheme]) not in drawn


def test_on_paper_it_is_light_and_has_no_controls(driver: Any, pages: dict[str, str]) -> None:
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    driver.get(pages["finished"])
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    try:
        read = "return getComputedStyle(document.body).backgroundColor"
        assert driver.execute_script(read) == "rgb(255, 255, 255)"
        assert not driver.find_element("id", "choose").is_displayed()
        assert not driver.find_element("id", "configuration").is_displayed()
        assert texts(driver, ".played h3") == ["sft_weak", "sft_strong", "mcts"]
        driver.execute_script("document.getElementById('print-configuration').click()")
        assert "name: alfworld" in driver.find_element("id", "settings").text
        printed = driver.execute_cdp_cmd("Page.printToPDF", {})["data"]
        assert base64.b64decode(printed).startswith(b"%PDF")
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_on_a_phone_only_tables_and_episodes_scroll(driver: Any, pages: dict[str, str]) -> None:
    before = driver.get_window_size()
    driver.set_window_size(500, 900)
    try:
        driver.get(pages["finished"])
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert driver.execute_script(wide) == 0
    finally:
        driver.set_window_size(before["width"], before["height"])


def test_a_chart_is_legible_on_a_narrow_page(pages: dict[str, str], tmp_path: Path) -> None:
    with open_chromium(tmp_path, size=(500, 900)) as narrow:
        narrow.get(pages["finished"])
        texts = narrow.find_elements("css selector", "figure svg text")
        assert texts
        assert min(text.rect["height"] for text in texts) >= 8
        width = narrow.execute_script("return document.documentElement.scrollWidth")
        assert width <= 500  # the chart scrolls, and not the page
