"""Lets Hydra find the configuration files of installed plug-ins."""

from __future__ import annotations

from importlib.metadata import entry_points

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from tratree.plugins import CONFIG_GROUP


class TratreeSearchPath(SearchPathPlugin):
    """Adds the packages that entry points ``tratree.conf`` name, after this package's own files."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add them."""
        for point in sorted(set(entry_points(group=CONFIG_GROUP))):
            search_path.append(provider=point.name, path=f"pkg://{point.value}")
