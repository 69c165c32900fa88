"""Choose the files of a run that the media routes serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from devserver.model.entity import Entity


@dataclass(frozen=True)
class Stem:
    """One voice of a run's music. `name` is unique in the run."""

    name: str
    entity: Entity

    @property
    def seconds(self) -> float:
        """Return the decoded length."""
        facts = self.entity.facts
        return facts.seconds or 0.0 if facts else 0.0


def pick(entities: Sequence[Entity], media: str, index: int | None) -> Entity | None:
    """Return the main entity of a medium, else its lowest; or the one at an index from 0."""
    known = [entity for entity in entities if entity.media == media]
    if index is not None:
        return known[index] if 0 <= index < len(known) else None
    return next((e for e in known if e.role == "main"), known[0] if known else None)


def find_role(entities: Sequence[Entity], role: str) -> Entity | None:
    """Return the first file with a role: `midi`, `peaks`. Peaks must be of the stage of the sound that is served."""
    sound = pick(entities, "audio", None) if role == "peaks" else None
    return next((e for e in entities if e.role == role and (sound is None or e.stage == sound.stage)), None)


def name_stems(entities: Sequence[Entity]) -> list[Stem]:
    """Return every stem with a unique name: `08_stem_drums_2.flac` is `drums_2`, its second take."""
    named: list[Stem] = []
    for entity in entities:
        if entity.role != "stem":
            continue
        number = f"{entity.number:02d}"
        name = PurePosixPath(entity.filename).stem.removeprefix(f"{number}_stem").strip("_") or number
        if name in {stem.name for stem in named}:
            name = f"{number}_{name}"
        named.append(Stem(name, entity))
    return named
