from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.model.plan import Plan
from devserver.stages.kinds import KINDS
from devserver.stages.planning import make_plan, parse_request
from schemas.pipeline import Pipeline
from tests.devserver.plans import AT, RUN_ID
from tests.devserver.stages.songs import SONG, Planned


@pytest.fixture
def planned(definitions: Definitions, exports: Exports, database: Database) -> Planned:
    def make(pipeline: dict[str, Any] | None = None, **body: Any) -> Plan:
        read = Pipeline.model_validate({**yaml.safe_load(SONG), "name": "song", **(pipeline or {})})
        source = definitions.catalog.sources["pipeline", "text_to_audio"]
        catalog = replace(
            definitions.catalog,
            pipelines={**definitions.catalog.pipelines, "song": read},
            sources={**definitions.catalog.sources, ("pipeline", "song"): source},
        )
        asked = {"input_text": "x", "safety_level": "off", "pipeline": "song", "brief": False, **body}
        request = parse_request(asked)
        new = {"run_id": RUN_ID, "user_id": "local", "created_at": AT}
        return make_plan(request, asked, catalog, InputFiles(exports, database), KINDS, **new)

    return make
