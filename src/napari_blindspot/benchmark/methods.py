"""Who takes part: the peers that declare themselves, and this project's presets.

What a method is belongs to `napari_blindspot.benchmark.method_protocol`. Importing this module imports no
method; asking for one imports the modules that declare them, which are cheap, and neither torch nor a peer.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from napari_blindspot.benchmark import peers
from napari_blindspot.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_blindspot.benchmark.method_protocol import Method

__all__ = ["available_methods", "choose_methods", "find_peers"]


@cache
def find_peers() -> tuple[Method, ...]:
    """Return everything that is not ours, in the order of the tables.

    Every module of `napari_blindspot.benchmark.peers` declares its methods in a tuple ``METHODS``.
    """
    modules = (
        importlib.import_module(f"{peers.__name__}.{module.name}")
        for module in sorted(pkgutil.iter_modules(peers.__path__), key=lambda module: module.name)
        if not module.ispkg
    )
    found: list[Method] = [method for module in modules for method in module.METHODS]
    return tuple(sorted(found, key=lambda method: method.place))


def available_methods() -> dict[str, Method]:
    """Return all methods by name: the peers, then ours, one for each preset and one from random weights."""
    from napari_blindspot.benchmark.ours import our_methods

    return {method.name: method for method in (*find_peers(), *our_methods())}


def choose_methods(names: Iterable[str] | None) -> list[Method]:
    """Look methods up by name; all of them if none are named.

    Raises
    ------
    SettingsError
        If there is no such method.
    """
    known = available_methods()
    if names is None:
        return list(known.values())
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise SettingsError(f"There is no method {name!r}; choose from: {', '.join(known)}.")
    return [known[name] for name in wanted]
