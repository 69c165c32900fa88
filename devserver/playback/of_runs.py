"""The files of runs, as they are served: by medium, by role, drawn of the main sound."""

from __future__ import annotations

from collections.abc import Callable

from devserver.durable.journal import Journal
from devserver.durable.reading import Reading
from devserver.files.exports import Exports
from devserver.media.drawn import Drawn
from devserver.model.entity import Entity
from devserver.playback.derived import Drawings, Media, StemFile
from devserver.playback.served import of_role, pick, stems


class RunMedia:
    """Finds files of runs by what the journal lists."""

    def __init__(self, journal: Journal, exports: Exports, drawings: Drawings) -> None:
        self._journal, self._exports, self._drawings = journal, exports, drawings

    async def media(self, run_id: str, media: str, index: int | None) -> Media | None:
        """The main file of a medium, or one by its index; None where there is none now."""
        return await self._one(run_id, lambda entities: pick(entities, media, index))

    async def role(self, run_id: str, role: str) -> Media | None:
        """The first file of a run that has a role: `midi`, `peaks`."""
        return await self._one(run_id, lambda entities: of_role(entities, role))

    async def _one(self, run_id: str, choose: Callable[[list[Entity]], Entity | None]) -> Media | None:
        def find(reading: Reading) -> Media | None:
            entity = choose(reading.entities(run_id))
            return self._served(run_id, entity) if entity else None

        return await self._journal.read(find)

    async def stems(self, run_id: str) -> list[StemFile]:
        def find(reading: Reading) -> list[StemFile]:
            found = stems(reading.entities(run_id))
            return [StemFile(s.name, self._served(run_id, s.entity), s.seconds) for s in found]

        return await self._journal.read(find)

    async def drawn(self, run_id: str, what: Drawn) -> Media | None:
        """Something drawn of the run's main sound; None where it has none."""
        entities = await self._journal.read(lambda reading: reading.entities(run_id))
        sound = pick(entities, "audio", None)
        return await self._drawings.of(run_id, sound, what) if sound else None

    def _served(self, run_id: str, entity: Entity) -> Media:
        path = self._exports.file(run_id, entity.filename)
        return Media(path, entity.mime, entity.filename, entity.sha256)
