"""Find the files of runs that are served: by medium, by role, and drawings of the main sound."""

from __future__ import annotations

from collections.abc import Callable

from devserver.durable.journal import Journal
from devserver.durable.reading import Reading
from devserver.files.exports import Exports
from devserver.media.drawing_kinds import DrawingKind
from devserver.model.entity import Entity
from devserver.playback.derived import Drawings, Media, StemFile
from devserver.playback.served import find_role, name_stems, pick


class RunMedia:
    """Finds files of runs in the journal."""

    def __init__(self, journal: Journal, exports: Exports, drawings: Drawings) -> None:
        self._journal, self._exports, self._drawings = journal, exports, drawings

    async def find_media(self, run_id: str, media: str, index: int | None) -> Media | None:
        """Return the main file of a medium, or one by its index; None if there is none yet."""
        return await self._find(run_id, lambda entities: pick(entities, media, index))

    async def find_role(self, run_id: str, role: str) -> Media | None:
        """Return the first file of a run with a role: `midi`, `peaks`."""
        return await self._find(run_id, lambda entities: find_role(entities, role))

    async def _find(self, run_id: str, choose: Callable[[list[Entity]], Entity | None]) -> Media | None:
        def find(reading: Reading) -> Media | None:
            entity = choose(reading.entities(run_id))
            return self._media_file(run_id, entity) if entity else None

        return await self._journal.read(find)

    async def find_stems(self, run_id: str) -> list[StemFile]:
        def find(reading: Reading) -> list[StemFile]:
            named = name_stems(reading.entities(run_id))
            return [StemFile(s.name, self._media_file(run_id, s.entity), s.seconds) for s in named]

        return await self._journal.read(find)

    async def draw(self, run_id: str, drawing: DrawingKind) -> Media | None:
        """Return a drawing of the run's main sound; None if it has none."""
        entities = await self._journal.read(lambda reading: reading.entities(run_id))
        sound = pick(entities, "audio", None)
        return await self._drawings.get(run_id, sound, drawing) if sound else None

    def _media_file(self, run_id: str, entity: Entity) -> Media:
        path = self._exports.file(run_id, entity.filename)
        return Media(path, entity.mime, entity.filename, entity.sha256)
