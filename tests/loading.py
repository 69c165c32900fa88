"""Definitions for tests that want all of them or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.catalog import Catalog
from schemas.errors import DefinitionError
from schemas.loader import read_definitions
from schemas.nodes import NodeTable


def load_catalog(folders: Sequence[Path], tables: Mapping[str, NodeTable]) -> Catalog:
    """Read and check all definitions; DefinitionError with every problem of every file."""
    catalog, problems = read_definitions(folders, tables)
    if problems:
        raise DefinitionError(problems)
    return catalog
