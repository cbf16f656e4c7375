"""Catalogues that the tests share."""

import pytest

from tratree.envs.webshop.generated_catalogue import generate_catalogue
from tratree.external_data import external_data


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """Return the folder of the default generated catalogue."""
    folder = tmp_path_factory.mktemp("generated")
    generate_catalogue(folder, 1000, seed=0)
    return folder


@pytest.fixture(scope="session")
def official():
    """Return the folder of the official catalogue of 1,000 products."""
    folder = external_data("webshop")
    if folder is None:
        pytest.skip("the external data have no webshop folder (TRATREE_DATA)")
    return folder
