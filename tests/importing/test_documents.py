"""What an import writes has the fields that the definitions' reader knows, in the order in which people read them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from schemas.importing.documents import (
    ChunkDocument,
    ConfigDocument,
    ModelDocument,
    OutputDocument,
    ParameterDocument,
    TextDocument,
)
from schemas.model import GraphChunk, ModelFile, Output, OutputConfig, Parameter, Text

PAIRS: list[tuple[Any, type[BaseModel]]] = [
    (TextDocument, Text),
    (ParameterDocument, Parameter),
    (ModelDocument, ModelFile),
    (OutputDocument, Output),
    (ChunkDocument, GraphChunk),
    (ConfigDocument, OutputConfig),
]


@pytest.mark.parametrize(("written", "model"), PAIRS, ids=lambda kind: kind.__name__)
def test_every_field_that_is_written_is_read(written: Any, model: type[BaseModel]) -> None:
    assert {*written.__annotations__} <= {*model.model_fields}


@pytest.mark.parametrize(("written", "model"), PAIRS, ids=lambda kind: kind.__name__)
def test_every_field_that_is_needed_is_written_but_the_name_which_is_the_files(
    written: Any, model: type[BaseModel]
) -> None:
    needed = {name for name, info in model.model_fields.items() if info.is_required()} - {"name"}
    assert needed <= {*written.__annotations__}
