"""The kinds of stages that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from devserver.stages.graph.kind import GraphKind
from devserver.stages.kind import StageKind
from devserver.stages.text.kind import TextKind

KINDS: Final[Mapping[str, StageKind]] = {kind.name: kind for kind in (TextKind(), GraphKind())}
