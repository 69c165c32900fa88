"""A run that sends pieces of its sound, and which of them are heard."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from devserver.files import pieces
from devserver.files.exports import Exports
from devserver.model.events import Piece
from devserver.model.rows import Place
from devserver.playback.stream import Streams
from tests.devserver.plans import AT, RUN_ID
from tests.doubles.at_once import JournalAtOnce
from tests.doubles.entities import make_entity
from tests.doubles.piece_nodes import PIECE_SECONDS, RATE_HZ, tone, write_wav
from tests.patience import PATIENCE_S


class Run:
    """A run of one take that sends pieces; each is a second of a tone of its own."""

    def __init__(self, journal: JournalAtOnce, exports: Exports, made: str, attempt: int = 1) -> None:
        self.journal, self.exports = journal, exports
        journal.add_run(RUN_ID, user_id="local", title="x", schema="plain", output_config="o", plan=made, created_at=AT)
        generation = journal.begin_run(RUN_ID).generation
        exports.folder(RUN_ID).mkdir()
        self.place = Place(RUN_ID, generation, "generation", 1, attempt)
        self.begin()

    def begin(self, attempt: int = 1) -> None:
        self.place = replace(self.place, attempt=attempt)
        self.journal.begin_attempt(self.place, backend="studio")

    def piece(self, index: int, pitch: int | None = None) -> None:
        name = pieces.filename(self.place, index, "wav")
        path = self.exports.folder(RUN_ID) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, tone(index if pitch is None else pitch))
        self.journal.add_event(self.place, Piece(index=index, file=name), key=str(index))

    def whole(self, *pitches: int) -> None:
        write_wav(self.exports.folder(RUN_ID) / "07_output_audio.wav", np.concatenate([tone(n) for n in pitches]))
        entity = make_entity("07_output_audio.wav", facts={"seconds": len(pitches) * PIECE_SECONDS})
        self.journal.add_event(self.place, entity, key=entity.filename)

    def end(self, state: Any = "success") -> None:
        self.journal.end(self.place, state)

    @property
    def folder(self) -> Path:
        return self.exports.folder(RUN_ID) / pieces.FOLDER


async def heard(streams: Streams, form: str = "webm") -> list[int]:
    """Which tones are heard, by the numbers that `tone` takes."""
    with streams.listen(RUN_ID, form) as recording:
        async with asyncio.timeout(PATIENCE_S):
            content = b"".join([chunk async for chunk in recording.chunks()])
    return tones(content)


def tones(content: bytes) -> list[int]:
    import av

    with av.open(io.BytesIO(content), "r") as container:
        to_mono = av.AudioResampler("fltp", "mono", RATE_HZ)
        sound = np.concatenate([b.to_ndarray()[0] for f in container.decode(audio=0) for b in to_mono.resample(f)])
    found = []
    for second in range(round(len(sound) / RATE_HZ)):
        middle = sound[int((second + 0.25) * RATE_HZ) : int((second + 0.75) * RATE_HZ)]
        found.append(round((np.abs(np.fft.rfft(middle)).argmax() * 2 - 300) / 100))
    return found
