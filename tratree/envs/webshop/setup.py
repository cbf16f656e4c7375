"""Setup of ``env=webshop``: from settings to a catalogue on disk and an open environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tratree.envs.plugin import Report
from tratree.envs.webshop.catalogue import (
    ATTRIBUTES_FILE,
    HUMAN_INSTRUCTIONS_FILE,
    PRODUCTS_FILE,
    file_for,
    read_products,
)
from tratree.envs.webshop.generated_catalogue import generate_catalogue
from tratree.envs.webshop.goals import human_goals, synthetic_goals
from tratree.envs.webshop.nouns import make_tagger
from tratree.envs.webshop.settings import WebShopSettings
from tratree.envs.webshop.splits import (
    ETO_FILES,
    distinct_splits,
    eto_splits,
    official_splits,
)
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.external_files import ExternalFiles

if TYPE_CHECKING:
    from tratree.envs.webshop.environment import WebShopEnv


def external_files(settings: WebShopSettings) -> dict[str, ExternalFiles | None]:
    """Return the official files, ETO's lists and a tagger's folder, where they are used.

    Raises:
        UserError: If they cannot be found.
    """
    found: dict[str, ExternalFiles | None] = {"data": None, "eto_indices": None}
    if settings.catalogue == "official":
        folder = _official_folder(settings.data)
        files = {
            stem: file_for(folder, stem, settings.products)
            for stem in (PRODUCTS_FILE, ATTRIBUTES_FILE)
        }
        if settings.goals == "human":
            files[HUMAN_INSTRUCTIONS_FILE] = folder / f"{HUMAN_INSTRUCTIONS_FILE}.json"
        found["data"] = ExternalFiles(folder, files)
    if settings.protocol == "eto":
        folder = _eto_folder(settings.eto_indices)
        lists = {name: folder / name for name in ETO_FILES.values()}
        found["eto_indices"] = ExternalFiles(folder, lists)
    tagger = Path(settings.spacy_model).expanduser()
    if settings.tagger == "spacy" and tagger.is_dir():
        parts = (path for path in tagger.rglob("*") if path.is_file())
        named = {path.relative_to(tagger).as_posix(): path for path in parts}
        found["spacy_model"] = ExternalFiles(tagger.absolute(), named)
    return found


def prepare_data(settings: WebShopSettings, folder: Path, report: Report) -> None:
    """Generate the catalogue into `folder`, or check that the official files are there.

    `report` is called with the number of products made and the number wanted.

    Raises:
        UserError: If the official files cannot be found.
    """
    if settings.catalogue == "official":
        _official_folder(settings.data)
        return
    count = settings.products
    assert count is not None  # its settings see to that
    generate_catalogue(folder, count, settings.catalogue_seed)
    report(count, count)


def make_env(settings: WebShopSettings, folder: Path, cache: Path) -> WebShopEnv:
    """Open the environment on the catalogue that `prepare_data` made or found.

    Nothing is kept in `cache`.

    Raises:
        UserError: If a file is missing or damaged, or spaCy is wanted and not there.
    """
    from tratree.envs.webshop.environment import WebShopEnv

    official = settings.catalogue == "official"
    files = _official_folder(settings.data) if official else folder
    products = read_products(files, settings.products)
    if not products:
        raise UserError(f"the catalogue in {files} is empty: set env.data to another folder")
    seed = settings.price_seed
    if settings.goals == "human":
        goals = human_goals(products, files, seed)
    else:
        goals = synthetic_goals(products, seed)
    eto = settings.protocol == "eto"
    if eto:
        splits = eto_splits(_eto_folder(settings.eto_indices), len(goals))
    else:
        splits = official_splits(len(goals))
    train = settings.splits.get("train", "train")
    distinct = settings.distinct_goals and not eto
    kept = distinct_splits(goals, splits, train) if distinct else splits
    return WebShopEnv(
        products,
        goals,
        kept,
        settings,
        make_tagger(settings),
        left_out={split: len(splits[split]) - len(kept[split]) for split in splits},
    )


def _official_folder(configured: str | None) -> Path:
    folder = Path(configured).expanduser() if configured else external_data("webshop")
    if folder is None or not any(folder.glob(f"{PRODUCTS_FILE}*.json")):
        raise UserError(
            f"env.catalogue=official finds no {PRODUCTS_FILE}*.json: set env.data to the folder "
            "of WebShop's data files, or use env.catalogue=generated"
        )
    return folder.absolute()


def _eto_folder(configured: str | None) -> Path:
    folder = Path(configured).expanduser() if configured else external_data("eto/webshop")
    if folder is None:
        raise UserError(
            "env.protocol=eto needs ETO's index lists: set env.eto_indices to the folder with "
            "train_indices.json and test_indices.json"
        )
    return folder.absolute()
