"""Settings of ``env=webshop``; ``conf/env/webshop.yaml`` says what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from tratree.envs.settings import EnvSettings
from tratree.errors import UserError


@dataclass
class WebShopSettings(EnvSettings):
    """``env=webshop``."""

    catalogue: str = MISSING
    products: int | None = MISSING
    catalogue_seed: int = MISSING
    data: str | None = MISSING
    goals: str = MISSING
    price_seed: int = MISSING
    protocol: str = MISSING
    eto_indices: str | None = MISSING
    pages: str = MISSING
    attributes_button: bool = MISSING
    tagger: str = MISSING
    spacy_model: str = MISSING

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: If one is not known or out of its range.
        """
        self.check_choice("catalogue", "generated", "official")
        self.check_choice("goals", "synthetic", "human")
        self.check_choice("protocol", "official", "eto")
        if self.catalogue == "generated" and (self.products is None or self.products < 1):
            raise UserError(
                f"env.products={self.products}: a generated catalogue needs a number above 0"
            )
