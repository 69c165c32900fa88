"""Node tables by name: what an agent serves."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from devserver.host import stock
from devserver.host.folders import Folders
from devserver.host.node_class import Table
from devserver.installed.nodes import installed_nodes


class UnknownTable(ValueError):
    """No node table has this name."""


def embedded(folders: Folders) -> Table:
    """The embedded backend: stand-ins for ComfyUI's own nodes, ours, and those of installed packages."""
    from devserver.nodes import TABLE

    own = {**stock.table(folders), **TABLE}
    return {**own, **installed_nodes(folders, own)}


TABLES: dict[str, Callable[[Folders], Table]] = {"embedded": embedded, "stock": stock.table}


def load(name: str, folders: Folders) -> Table:
    """The classes of the table `name`: one of ``TABLES``, or ``package.module:function`` for an agent of one's own.

    Raises:
        UnknownTable: naming the tables that there are.
    """
    module, colon, function = name.partition(":")
    if colon:
        try:
            made: Table = getattr(importlib.import_module(module), function)(folders)
        except (ImportError, AttributeError) as error:
            raise UnknownTable(f"table {name!r} cannot be loaded: {error}") from error
        return made
    if name not in TABLES:
        raise UnknownTable(f"table is {name!r}; allowed are {', '.join(sorted(TABLES))} or package.module:function")
    return TABLES[name](folders)
