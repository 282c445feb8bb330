"""One small module a test, or a family of tests. A new one is a copy of `browser_web.py`: being here plugs it in."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from wallwatch.sources.ooni.nettests.base import Nettest, Outcome, input_endpoint, standard
from wallwatch.sources.ooni.parts import Parts


@lru_cache(maxsize=1)
def _table() -> dict[str, Nettest]:
    found: dict[str, Nettest] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if module.name != "base":
            for nettest in importlib.import_module(f"{__name__}.{module.name}").NETTESTS:
                found[nettest.name] = nettest
    return found


#: A test that has no module: its shared parts are read.
OTHER = Nettest("", Parts, standard, input_endpoint)


def nettest(name: str) -> Nettest:
    """How to read the measurements of a test; `OTHER` for one without a module."""
    return _table().get(name, OTHER)


#: What a measurement without test keys came to.
NO_OUTCOME = Outcome()

__all__ = ["NO_OUTCOME", "OTHER", "Nettest", "Outcome", "nettest"]
