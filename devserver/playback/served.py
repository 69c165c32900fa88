"""Which of a run's files a media route serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from devserver.model.entity import Entity


@dataclass(frozen=True)
class Stem:
    """One voice of a run's music. `name` is its own in the run."""

    name: str
    entity: Entity

    @property
    def seconds(self) -> float:
        """The decoded length."""
        facts = self.entity.facts
        return facts.seconds or 0.0 if facts else 0.0


def pick(entities: Sequence[Entity], media: str, index: int | None) -> Entity | None:
    """The main one of a medium, else its lowest; or by index from 0."""
    known = [entity for entity in entities if entity.media == media]
    if index is not None:
        return known[index] if 0 <= index < len(known) else None
    return next((e for e in known if e.role == "main"), known[0] if known else None)


def of_role(entities: Sequence[Entity], role: str) -> Entity | None:
    """Return the first file of a role: `midi`, `peaks`. An outline is one of the sound that is served, or none."""
    sound = pick(entities, "audio", None) if role == "peaks" else None
    return next((e for e in entities if e.role == role and (sound is None or e.stage == sound.stage)), None)


def stems(entities: Sequence[Entity]) -> list[Stem]:
    """Every stem under a name that no other has: `08_stem_drums_2.flac` is `drums_2`, its second take."""
    found: list[Stem] = []
    for entity in entities:
        if entity.role != "stem":
            continue
        number = f"{entity.number:02d}"
        name = PurePosixPath(entity.filename).stem.removeprefix(f"{number}_stem").strip("_") or number
        if name in {stem.name for stem in found}:
            name = f"{number}_{name}"
        found.append(Stem(name, entity))
    return found
