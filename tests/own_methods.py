"""The methods of this package, whatever other plug-ins are installed where the tests run."""

from __future__ import annotations

from tratree.method_plugins import METHODS

OWN_METHODS = tuple(name for name in METHODS.names() if METHODS.origin(name).startswith("tratree "))
