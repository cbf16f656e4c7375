"""From the settings of ``env=webshop`` to a catalogue on disk and an open environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tratree.envs.plugin import Report
from tratree.envs.webshop.catalogue import PRODUCTS_FILE, read_products
from tratree.envs.webshop.generated_catalogue import generate_catalogue
from tratree.envs.webshop.goals import human_goals, synthetic_goals
from tratree.envs.webshop.nouns import make_tagger
from tratree.envs.webshop.pages import style_named
from tratree.envs.webshop.settings import WebShopSettings
from tratree.envs.webshop.splits import eto_splits, official_splits
from tratree.errors import UserError
from tratree.external_data import external_data

if TYPE_CHECKING:
    from tratree.envs.webshop.environment import WebShopEnv

_OFFICIAL = "official.json"


def prepare_data(settings: WebShopSettings, folder: Path, report: Report) -> None:
    """Generate the catalogue into `folder`, or note there where the official files are.

    Args:
        settings: The configuration of the environment.
        folder: Where to write.
        report: Called with the number of products made and the number wanted.

    Raises:
        UserError: If the official files cannot be found.
    """
    if settings.catalogue == "official":
        found = _official_folder(settings.data)
        (folder / _OFFICIAL).write_text(json.dumps({"folder": str(found)}) + "\n", "utf-8")
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

    noted = folder / _OFFICIAL
    files = Path(json.loads(noted.read_text("utf-8"))["folder"]) if noted.exists() else folder
    products = read_products(files, settings.products)
    if not products:
        raise UserError(f"the catalogue in {files} is empty: set env.data to another folder")
    seed = settings.price_seed
    if settings.goals == "human":
        goals = human_goals(products, files, seed)
    else:
        goals = synthetic_goals(products, seed)
    if settings.protocol == "eto":
        splits = eto_splits(_eto_folder(settings.eto_indices), len(goals))
    else:
        splits = official_splits(len(goals))
    return WebShopEnv(
        products,
        goals,
        splits,
        style=style_named(settings.pages, settings.attributes_button),
        nouns=make_tagger(settings.tagger, settings.spacy_model),
        price_seed=seed,
        max_steps=settings.max_steps,
    )


def _official_folder(configured: str | None) -> Path:
    folder = Path(configured) if configured else external_data("webshop")
    if folder is None or not any(folder.glob(f"{PRODUCTS_FILE}*.json")):
        raise UserError(
            f"env.catalogue=official finds no {PRODUCTS_FILE}*.json: set env.data to the folder "
            "of WebShop's data files, or use env.catalogue=generated"
        )
    return folder.absolute()


def _eto_folder(configured: str | None) -> Path:
    folder = Path(configured) if configured else external_data("eto/webshop")
    if folder is None:
        raise UserError(
            "env.protocol=eto needs ETO's index lists: set env.eto_indices to the folder with "
            "train_indices.json and test_indices.json"
        )
    return folder
