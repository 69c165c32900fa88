"""`python -m benchmarks.ticking`: a server of ours that publishes an event each 100 ms, with the time in it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

from cli.build import build_app
from cli.serve import READY
from config import ROOT, BackendSettings, Settings
from devserver.durable.bus import Bus
from devserver.model.events import OtherData
from my_app.door.context import FrontSettings
from my_app.front import create_front, listen_at

EVERY_S = 0.1
KIND = "tick"


async def serve(exports: Path, backend_url: str) -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    backend = BackendSettings(name="bench", url=backend_url, kind="comfyui")
    settings = Settings(exports=exports, backends=[backend], embedded=False, discover=False)
    app = await build_app(settings)
    listening = await listen_at(create_front(app, FrontSettings(ROOT / "public"), version="bench"), "127.0.0.1", 0)
    await app.start()
    ticking = asyncio.create_task(tick(app.bus))
    sys.stdout.write(f"{READY}{listening.url}\n")
    sys.stdout.flush()
    await stop.wait()
    ticking.cancel()
    await listening.close()
    await app.stop()
    app.exports.unlock()


async def tick(bus: Bus) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due += EVERY_S
        await asyncio.sleep(due - loop.time())
        bus.tell(None, OtherData.of(KIND, {"at": time.monotonic()}))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
