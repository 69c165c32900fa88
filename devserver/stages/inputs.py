"""The inputs of a stage from earlier ones: files of the run and texts, resolved before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devserver.errors import StageError
from devserver.errors.sentences import say
from devserver.model.entity import Entity
from schemas.pipeline import Reference


@dataclass(frozen=True)
class RunFile:
    """A file of the run that a stage reads.

    Attributes:
        label: its name in compiled graphs, which a run again has too.
        name: the name that backends get, by its content.
    """

    label: str
    path: Path
    sha256: str

    @property
    def ext(self) -> str:
        return self.path.suffix[1:]

    @property
    def name(self) -> str:
        return f"{self.sha256}.{self.ext}"

    def as_value(self) -> dict[str, str]:
        return {"sha256": self.sha256, "ext": self.ext}


Given = Mapping[str, str | RunFile]  # what one take reads, by the name of its parameter


@dataclass(frozen=True)
class Inputs:
    """The inputs of one stage.

    Attributes:
        references: what the stage reads, by the name that it has for it.
        entities: the files of the run that stand.
        texts: what the stages so far have made of the text, by their names.
        folder: where the files are.
    """

    references: Mapping[str, Reference]
    entities: Sequence[Entity]
    texts: Mapping[str, str]
    folder: Path

    def of_take(self, take: int) -> Given:
        """Return what a take reads: of a source with several takes the same one, else the first.

        Raises:
            StageError: a source has made no such thing, or several of which none is named.
        """
        return {name: self._found(reference, take) for name, reference in self.references.items()}

    def _found(self, reference: Reference, take: int) -> str | RunFile:
        if reference.role == "text":
            text = self.texts.get(reference.stage)
            if text is None:
                raise _missing(reference, "text")
            return text
        files = [entity for entity in self.entities if _fits(entity, reference)]
        only = {entity.take for entity in files}
        own = [entity for entity in files if entity.take == take or len(only) == 1]
        if not own:
            raise _missing(reference, str(reference))
        if len(own) > 1:
            names = ", ".join(f"{reference}.{entity.name}" for entity in own)
            said = say("stage_made_several", stage=reference.stage, reference=str(reference), names=names)
            raise StageError(said, code="input_missing", status=500)
        label = str(reference) if len(only) == 1 else f"{reference}.{take}"
        return RunFile(label, self.folder / own[0].filename, own[0].sha256)


def _fits(entity: Entity, reference: Reference) -> bool:
    role = "main" if entity.is_main else entity.role
    return (entity.stage, role) == (reference.stage, reference.role) and reference.name in (None, entity.name)


def _missing(reference: Reference, lacks: str) -> StageError:
    said = say("stage_made_nothing", stage=reference.stage, reference=lacks)
    return StageError(said, code="input_missing", status=500)
