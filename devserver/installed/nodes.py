"""The nodes that installed packages bring to the embedded backend."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from devserver.installed.points import NODES, load_entry_points, refuse, without_clashes


def installed_nodes(folders: object, own: Collection[str]) -> Mapping[str, type[object]]:
    """Return the node classes of installed packages by class name.

    Args:
        folders: of the agent; a package may bring a function of them in the place of a mapping.
        own: the class names that there are already.
    """
    named: list[tuple[str, str, type[object]]] = []
    for one in load_entry_points(NODES):
        try:
            table = one.value(folders) if callable(one.value) else one.value
        except Exception as e:  # noqa: BLE001 - a package may raise anything
            refuse(one.package, f"{one.name} makes no table of nodes: {type(e).__name__}: {e}")
            continue
        if not isinstance(table, Mapping) or not all(isinstance(node, type) for node in table.values()):
            refuse(one.package, f"{one.name} is no table of nodes: it must give {{class name: class}}")
            continue
        named += [(one.package, str(name), node) for name, node in table.items()]
    return without_clashes(named, own, "node class")
