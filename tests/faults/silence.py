"""A run whose backend says nothing for six minutes: on a loop that skips them, and in `make soak` on a real one."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from cli.build import SHIPPED
from devserver.definitions.current import Definitions
from devserver.media.intake import IntakePool
from devserver.system.clock import Clock
from schemas.loader import load_tables
from tests.doubles.passing_time import LoopClock, SkippingLoop
from tests.doubles.relay import Relay
from tests.faults.rig import Studio, attempts_of, rigged, seconds_of, until

SILENCE_S = 6 * 60


def long_limit(folder: Path) -> Definitions:
    """With an output that may take an hour."""
    config = yaml.safe_load((SHIPPED / "configs" / "output" / "silence_mp3.yaml").read_text("utf8"))
    path = folder / "configs" / "output" / "patient.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({**config, "run_timeout_s": 3600}, allow_unicode=True), "utf8")
    return Definitions([SHIPPED, folder], load_tables([SHIPPED]))


async def run_in_silence(folder: Path, intake: IntakePool, *, deaf: bool) -> float:
    """A run, then its neighbour; answers how long the first took by the clock of its record.

    Args:
        deaf: whether no ping is answered either, as by a backend that loads a model.
    """
    loop = asyncio.get_running_loop()
    skips = loop.waiting if isinstance(loop, SkippingLoop) else SimpleNamespace()
    clock = LoopClock(loop) if isinstance(loop, SkippingLoop) else Clock()
    async with Studio(folder / "studio") as studio, Relay(studio.url) as relay:
        patient = long_limit(folder / "definitions")
        as_served: dict[str, Any] = {"poll_s": 1.0, "probe_s": 30.0, "clock": clock}
        async with rigged(folder / "exports", intake, relay.url, definitions=patient, **as_served) as rig:
            studio.gate.hold(1.5)
            run_id = await rig.accept(1.5, output_config="patient")
            await until(lambda: studio.running)
            relay.deaf = deaf
            skips.skips = True
            await asyncio.sleep(SILENCE_S)
            skips.skips = relay.deaf = False
            assert not rig.read(lambda reading: reading.run(run_id)).ended
            studio.gate.release()
            answers = [await rig.ended(run_id), await rig.run(0.4)]
            assert [(seconds_of(answer), attempts_of(answer)) for answer in answers] == [(1.5, 1), (0.4, 1)]
            row = rig.read(lambda reading: reading.run(run_id))
            assert row is not None
            assert row.started_at is not None
            assert row.ended_at is not None
            return (datetime.fromisoformat(row.ended_at) - datetime.fromisoformat(row.started_at)).total_seconds()
