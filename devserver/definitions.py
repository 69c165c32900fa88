"""The definitions in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.catalog import Catalog
from schemas.loader import load_catalog
from schemas.nodes import NodeTable


class Definitions:
    """Holds the catalog that new runs are accepted against; a run keeps the snapshot it was accepted with."""

    def __init__(self, folders: Sequence[Path], tables: Mapping[str, NodeTable]) -> None:
        self.folders = tuple(folders)
        self._tables = tables
        self.catalog: Catalog = load_catalog(self.folders, tables)
