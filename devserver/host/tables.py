"""Node tables by name, for agents."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from devserver.host import stock
from devserver.host.folders import Folders
from devserver.host.node_class import Table
from devserver.installed.nodes import installed_nodes


class UnknownTable(ValueError):
    """No node table has this name."""


def embedded_table(folders: Folders) -> Table:
    """Return the nodes of the embedded backend: stand-ins for ComfyUI's own, ours, and those of installed packages."""
    from devserver.nodes import TABLE

    own = {**stock.node_table(folders), **TABLE}
    return {**own, **installed_nodes(folders, own)}


TABLES: dict[str, Callable[[Folders], Table]] = {"embedded": embedded_table, "stock": stock.node_table}


def load(name: str, folders: Folders) -> Table:
    """Return the classes of the table `name`: one of ``TABLES``, or ``package.module:function`` of another package.

    Raises:
        UnknownTable: there is no such table; the message lists the known ones.
    """
    module, colon, function = name.partition(":")
    if colon:
        try:
            table: Table = getattr(importlib.import_module(module), function)(folders)
        except (ImportError, AttributeError) as error:
            raise UnknownTable(f"table {name!r} cannot be loaded: {error}") from error
        return table
    if name not in TABLES:
        raise UnknownTable(f"table is {name!r}; allowed are {', '.join(sorted(TABLES))} or package.module:function")
    return TABLES[name](folders)
