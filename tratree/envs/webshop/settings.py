"""``env=webshop``: shopping."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from tratree.envs.settings import EnvSettings
from tratree.settings import Count, Seed, settings


@settings
class WebShopSettings(EnvSettings):
    """WebShop: rules, pages, search and reward of the original, rebuilt."""

    catalogue: Literal["generated", "official"] = "generated"
    """generated: made on the spot, families of near-duplicates in few words, no download; official:
    the released files, in `data`."""

    products: Annotated[int, Field(strict=True, ge=1, le=10**7)] | None = 1000
    """Number of products. Of official ones the first this many, or null for all."""

    catalogue_seed: Seed = 0
    """A generated catalogue is the same for every `seed`; another one has another
    catalogue_seed."""

    data: str | None = None
    """Folder with items_shuffle.json, items_ins_v2.json (or the same of 1,000 products, ending in
    _1000.json) and, for human goals, items_human_ins.json."""

    goals: Literal["synthetic", "human"] = "synthetic"
    """synthetic: each product's instruction with each combination of its options; human:
    instructions that people wrote (in the generated catalogue, worded like them)."""

    price_seed: Seed = 0
    """Draws price bounds, and prices within a range; the original draws them again at every
    start."""

    protocol: Literal["official", "eto"] = "official"
    """official: test, dev and train are goals 0-499, 500-1499 and the rest; eto: ETO's train and
    test goals, for the human goals of all official products."""

    distinct_goals: bool = False
    """Leave out of training the goals that a held-out split asks for, too, apart from the price
    (and leave those of test out of development). `env=webshop` sets it for the generated
    catalogue; the official one is divided as the original does. ETO's lists are taken as they
    are."""

    eto_indices: str | None = None
    """Folder of ETO's index lists."""

    pages: Literal["official", "compact"] = "compact"
    """official: 10 results a page, the instruction on every page; compact: 5 results, the
    instruction on the first page only. compact is tuned for the tiny models."""

    attributes_button: bool = False
    """Give each product a page that lists its attributes. The original's default is false."""

    tagger: Literal["lexicon", "spacy"] = "lexicon"
    """Tagger that finds nouns in titles. lexicon: word lists; spacy: the original's tagger."""

    spacy_model: str = "en_core_web_sm"
    """Of tagger=spacy: a model's package or folder."""

    max_steps: Count = 10
    """Step limit of an episode, as in ETO's protocol."""

    splits: dict[str, str] = field(
        default_factory=lambda: {"train": "train", "test": "test", "development": "dev"}
    )
    """The environment's name of each split."""

    def __post_init__(self) -> None:
        """Check what must go together."""
        super().__post_init__()
        if self.catalogue == "generated" and self.products is None:
            raise ValueError("products=null: a generated catalogue needs a number of products")
        self.check_folder("data", read=self.catalogue == "official", by="catalogue=official")
        self.check_folder("eto_indices", read=self.protocol == "eto", by="protocol=eto")
