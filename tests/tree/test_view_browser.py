"""The page of trees in a headless Chromium: what people click, press, read and see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.browser import emulate, open_chromium, requested_addresses
from tests.tree.view_examples import ATTACKS, attacked_tree, many_trees, small_graph, small_trees
from tratree.tree.divergence import divergence_points
from tratree.tree.graph import make_graphs
from tratree.tree.mcts import search_paths
from tratree.tree.view import render

pytestmark = pytest.mark.browser


class Page:
    """An open page and what a person does with it."""

    def __init__(self, driver) -> None:
        self.driver = driver

    def open(self, path: Path, fragment: str = "") -> None:
        self.driver.get("about:blank")
        requested_addresses(self.driver)
        self.driver.get(f"{path.as_uri()}{fragment}")

    def all(self, selector: str) -> list:
        return self.driver.find_elements("css selector", selector)

    def text(self, selector: str) -> str:
        return self.driver.find_element("css selector", selector).text

    def actions(self) -> list[str]:
        return [found.text for found in self.all("#tree .action")]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def choose(self, name: str, value: str) -> None:
        values = [option.get_attribute("value") for option in self.all(f"#{name} option")]
        down = [key("ARROW_DOWN")] * values.index(value)
        self.driver.find_element("id", name).send_keys(key("HOME"), *down)

    def focused(self, attribute: str) -> str | None:
        return self.driver.switch_to.active_element.get_attribute(attribute)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield Page(driver)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    forests = {"small": small_trees(), "attacked": [attacked_tree()], "many": many_trees(500)}
    forests["graph"] = [small_graph()]
    for name, trees in forests.items():
        text = render(trees, search_paths(trees), title=f"{name} run")
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in forests}


@pytest.fixture
def small(page: Page, files: dict[str, Path]) -> Page:
    page.open(files["small"])
    return page


def key(name: str) -> str:
    from selenium.webdriver import Keys

    return getattr(Keys, name)


def test_nothing_is_loaded_and_nothing_is_logged(small: Page, files: dict[str, Path]) -> None:
    addresses = requested_addresses(small.driver)
    assert files["small"].as_uri() in addresses
    assert set(addresses) <= {files["small"].as_uri(), "data:,"}
    assert small.driver.get_log("browser") == []
    assert small.text("h1") == "small run"


def test_a_click_shows_all_texts_of_a_node(small: Page) -> None:
    assert small.actions()[:2] == ["put a mug on the desk", "go to shelf 1"]
    small.all("#tree .row")[1].click()
    details = small.text("#details")
    for said in (
        "find mug",
        "a mug may be here",
        "go to shelf 1",
        "On the shelf 1, you see a mug 1.",
    ):
        assert said in details
    assert "2×" in details
    assert "3 of 3 visits, mean score 0.50" in details
    small.all("#details .link")[0].click()
    assert small.text("#details h2") == "Step 2"


def test_nodes_of_one_state_lead_to_each_other(page: Page, files: dict[str, Path]) -> None:
    page.open(files["graph"])
    rows = {int(row.get_attribute("data-node")): row for row in page.all("#tree .row")}
    assert "same state as 1 other node" in rows[2].get_attribute("aria-label")
    assert len(page.all("#map .jump")) == 1
    rows[2].click()
    assert "Same state" in page.text("#details")
    twin = page.all("#details .link")[-1]
    assert twin.text == "go to drawer 1"
    twin.click()
    assert page.text("#details h2") == "Step 3"


def test_a_click_closes_and_opens(small: Page) -> None:
    before = small.actions()
    small.all("#tree .row")[1].find_element("css selector", ".toggle").click()
    assert small.actions() == before[:2]
    assert small.all("#tree .row")[1].get_attribute("aria-expanded") == "false"
    small.all("#tree .row")[1].find_element("css selector", ".toggle").click()
    assert small.actions() == before
    small.driver.find_element("id", "collapse").click()
    assert small.actions() == before[:2]
    small.driver.find_element("id", "expand").click()
    assert small.actions() == before


def test_a_click_on_the_map_goes_to_the_nearest_node(small: Page) -> None:
    small.driver.execute_script(
        "const svg = document.getElementById('map'), box = svg.getBoundingClientRect();"
        "const end = [...svg.querySelectorAll('.end')].at(-1).getBoundingClientRect();"
        "svg.dispatchEvent(new MouseEvent('click', {bubbles: true,"
        " clientX: end.x + end.width / 2, clientY: end.y + end.height / 2}));"
    )
    assert "ends here" in small.text("#details")


def test_the_keyboard_reaches_everything(small: Page) -> None:
    small.press("/")
    assert small.focused("id") == "search"
    small.press("mug")
    assert small.text("#count") == "1 of 3 trees"
    small.press(key("ENTER"))
    assert small.focused("role") == "option"
    small.press(key("ENTER"))
    assert small.focused("role") == "treeitem"
    assert small.focused("aria-level") == "1"
    small.press(key("ARROW_DOWN"))
    assert small.focused("aria-level") == "2"
    assert small.text("#details h2") == "Step 1"
    shown = len(small.actions())
    small.press(key("ARROW_LEFT"))
    assert small.focused("aria-expanded") == "false"
    assert len(small.actions()) < shown
    small.press(key("ARROW_RIGHT"))
    assert small.focused("aria-expanded") == "true"
    small.press(key("ARROW_RIGHT"))
    assert small.focused("aria-level") == "3"
    small.press(key("ARROW_LEFT"), key("ARROW_LEFT"))
    assert small.focused("aria-level") == "2"
    small.press(key("ARROW_RIGHT"), key("ARROW_RIGHT"), key("END"))
    assert small.focused("data-index") == str(shown - 1)
    small.press(key("HOME"), "d")
    assert "divergence point" in (small.focused("aria-label") or "")
    small.press(key("ENTER"))
    assert small.focused("aria-expanded") == "false"
    small.press("m")
    assert "move mug 1 to desk 1, on the MCTS path" in (small.focused("aria-label") or "")
    small.press(key("ESCAPE"))
    assert small.focused("role") == "option"


def test_keys_work_at_once_and_wherever_the_focus_is(small: Page) -> None:
    small.press(key("ARROW_DOWN"))
    assert small.text("#details h2") == "Step 1"
    small.driver.execute_script("document.activeElement.blur()")
    small.press(key("ARROW_DOWN"))
    assert small.text("#details h2") == "Step 2"
    small.driver.find_element("id", "expand").click()
    small.press("m")
    assert "on the MCTS path" in (small.focused("aria-label") or "")


def test_the_list_marks_the_tree_that_is_shown_or_none(small: Page) -> None:
    def marked() -> list[str]:
        rows = small.all("#list .row[aria-selected='true']")
        return [row.get_attribute("title") for row in rows]

    assert marked() == ["pick-0"]
    small.choose("outcome", "success")  # which the tree shown has not
    assert (marked(), small.text("#task h2")) == ([], "put a mug on the desk")
    assert len(small.all("#list .row[tabindex='0']")) == 1
    small.driver.find_element("id", "search").send_keys(key("ENTER"))
    small.press(key("ENTER"))
    assert (marked(), small.text("#task h2")) == (["pick-1"], "put a pencil in the drawer")
    small.choose("outcome", "any")
    assert marked() == ["pick-1"]
    small.driver.find_element("id", "search").send_keys("nowhere")
    assert small.text("#nothing").startswith("Nothing found")
    small.driver.find_element("id", "clear").click()
    assert (marked(), small.text("#nothing")) == (["pick-1"], "")


def test_paper_has_the_whole_tree_and_no_controls(page: Page, files: dict[str, Path]) -> None:
    page.open(files["small"])
    page.driver.set_window_size(760, 420)  # about as wide as paper
    emulate(page.driver, media="print", prefers_color_scheme="dark")
    page.driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    try:
        for gone in ("#filters", "#list", ".keys", "#expand"):
            assert not page.all(gone)[0].is_displayed(), gone
        overlap = (
            "const end = [...document.querySelectorAll('#tree .row')].at(-1);"
            "return end.getBoundingClientRect().bottom"
            " - document.querySelector('#details').getBoundingClientRect().top"
        )
        assert page.driver.execute_script(overlap) <= 0
        assert all(row.is_displayed() for row in page.all("#tree .row"))
        ink = "return getComputedStyle(document.body).color"
        assert page.driver.execute_script(ink) == "rgb(27, 30, 35)"
    finally:
        page.driver.execute_script("dispatchEvent(new Event('afterprint'))")
        page.driver.set_window_size(1440, 900)
        emulate(page.driver)


def test_focus_is_visible_and_one_row_is_in_the_tab_order(small: Page) -> None:
    small.press("/", key("ARROW_DOWN"), key("ENTER"), key("ARROW_DOWN"))
    style = small.driver.execute_script(
        "const style = getComputedStyle(document.activeElement);"
        "return [style.outlineStyle, style.outlineWidth]"
    )
    assert style == ["solid", "2px"]
    for box in ("#tree", "#list"):
        assert len(small.all(f"{box} .row[tabindex='0']")) == 1


def test_filters_reduce_the_list(small: Page) -> None:
    def shown() -> list[str]:
        return [found.get_attribute("title") for found in small.all("#list .row")]

    assert shown() == ["pick-0", "pick-1", "look-0"]
    small.choose("type", "look")
    assert shown() == ["look-0"]
    small.driver.find_element("id", "clear").click()
    assert len(shown()) == 3
    for outcome, expected in (
        ("mixed", ["pick-0"]),
        ("success", ["pick-1"]),
        ("failure", ["look-0"]),
        ("pairs", ["pick-0"]),
        ("any", ["pick-0", "pick-1", "look-0"]),
    ):
        small.choose("outcome", outcome)
        assert shown() == expected
    small.choose("order", "low")
    assert shown() == ["look-0", "pick-0", "pick-1"]
    low = small.driver.find_element("id", "low")
    low.clear()
    low.send_keys("0.6")
    assert shown() == ["pick-1"]
    low.clear()
    for words, expected in (("look-0", ["look-0"]), ("pencil PICK", ["pick-1"]), ("no such", [])):
        search = small.driver.find_element("id", "search")
        search.clear()
        search.send_keys(words)
        assert shown() == expected
    assert small.text("#count") == "0 of 3 trees"


def test_path_divergence_thickness_and_colour_are_drawn(small: Page) -> None:
    tree = small_trees()[0]
    path = search_paths([tree])[0].nodes
    rows = {int(row.get_attribute("data-node")): row for row in small.all("#tree .row")}
    assert {
        node for node, row in rows.items() if "on the MCTS path" in row.get_attribute("aria-label")
    } == set(path)
    cased = {node for node, row in rows.items() if row.find_elements("css selector", ".casing")}
    assert set(path) <= cased
    diverging = {n for n, row in rows.items() if row.find_elements("css selector", ".divergence")}
    assert diverging == set(divergence_points(make_graphs([tree])[0]))
    assert len(small.all("#map .divergence.mixed")) == 1
    assert len(small.all("#map .divergence.equal")) == 1
    assert len(small.all("#map .casing")) == len(path) - 1
    edges = small.driver.execute_script(
        "return [...document.querySelectorAll('#map .edge')].map("
        "e => [parseFloat(e.getAttribute('stroke-width')), getComputedStyle(e).stroke])"
    )
    assert edges[0][0] > edges[-1][0]
    assert len({colour for _, colour in edges}) >= 3


def test_links_open_a_node(page: Page, files: dict[str, Path]) -> None:
    page.open(files["small"], "#" + urlencode({"tree": "pick-1", "node": 2}))
    assert page.text("#task h2") == "put a pencil in the drawer"
    assert page.all("#tree .row[aria-selected='true']")[0].get_attribute("data-node") == "2"
    page.driver.execute_script("location.hash = 'tree=look-0'")
    page.driver.execute_async_script("setTimeout(arguments[0], 50)")
    assert page.text("#task h2") == "examine a book with the lamp"
    page.all("#tree .row")[1].click()
    assert "#tree=look-0&node=" in page.driver.current_url
    page.open(files["small"], "#tree=gone&node=1")
    assert "There is no tree of task gone" in page.text("#task [role='alert']")


def test_attacks_in_texts_stay_texts(page: Page, files: dict[str, Path]) -> None:
    page.open(files["attacked"])
    for row in range(len(page.all("#tree .row"))):
        page.all("#tree .row")[row].click()
    assert page.driver.title == "attacked run"
    assert page.all("#details img, #details script, #tree img, main svg[onload]") == []
    assert ATTACKS[1] in page.driver.execute_script("return document.body.textContent")
    assert page.driver.get_log("browser") == []


# Contrast of every visible text with its background, and of the marks with their panel.
CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}
function luminance(colour) {
  const [r, g, b] = rgba(colour).map(v => v / 255).map(
    v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a, b) {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}
function behind(element) {
  for (let up = element; up; up = up.parentElement) {
    const colour = getComputedStyle(up).backgroundColor;
    if (rgba(colour)[3] === 255) return colour;
  }
  return 'white';
}
const found = [];
for (const element of document.querySelectorAll('body *')) {
  const style = getComputedStyle(element);
  const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (own && element.getClientRects().length && style.visibility === 'visible' && style.opacity > 0
      && !element.closest('script, style, noscript')) {
    const colour = element instanceof SVGElement ? style.fill : style.color;
    found.push([4.5, contrast(colour, behind(element)), element.outerHTML.slice(0, 80)]);
  }
}
for (const edge of document.querySelectorAll('#map .edge, #map .casing, #map .end')) {
  found.push([3, contrast(getComputedStyle(edge).stroke, behind(edge)), edge.outerHTML]);
}
return [found.length, found.filter(([least, value]) => value < least)];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_are_legible(small: Page, scheme: str) -> None:
    emulate(small.driver, prefers_color_scheme=scheme)
    small.all("#tree .row")[1].click()
    count, illegible = small.driver.execute_script(CONTRAST)
    brightness = small.driver.execute_script(
        "return getComputedStyle(document.querySelector('main')).backgroundColor.match(/\\d+/g)"
    )
    assert (int(brightness[0]) > 128) == (scheme == "light")
    assert count > 60
    assert illegible == []


def test_many_trees_keep_the_page_small(page: Page, files: dict[str, Path]) -> None:
    page.open(files["many"])
    assert page.text("#totals") == "500 trees · 2,000 trajectories · 10,000 nodes"
    elements = "return document.querySelectorAll('*').length"
    assert page.driver.execute_script(elements) < 1500
    page.driver.find_element("id", "search").send_keys("object 499")
    assert [row.get_attribute("title") for row in page.all("#list .row")] == ["task-499"]
    page.all("#list .row")[0].click()
    assert page.text("#task h2") == "find the object 499"
    assert len(page.actions()) == 20
    page.driver.find_element("id", "clear").click()
    page.press(key("ENTER"))
    assert page.focused("data-index") == "499"
    page.press(key("HOME"), key("PAGE_DOWN"))
    assert page.focused("role") == "option"
    assert page.driver.execute_script(elements) < 1500
