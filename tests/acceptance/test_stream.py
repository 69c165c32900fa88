"""A run that is heard while it is made, over real processes: its pieces, the stream, and what is kept of them."""

from __future__ import annotations

import io
import json
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.doubles.piece_nodes import PIECE_SECONDS, RATE_HZ, write_definitions
from tests.doubles.programs import NodeHost, Server
from tests.doubles.swarm import Behind, RunningSwarm
from tests.patience import PATIENCE_S

TABLE = "tests.doubles.piece_nodes:table"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    own = write_definitions(tmp_path_factory.mktemp("own"))
    with NodeHost(tmp_path_factory.mktemp("host"), TABLE) as host:
        backends = [{"name": "studio", "url": host.url}]
        exports = tmp_path_factory.mktemp("exports")
        with Server(exports, definitions=[str(own)], backends=backends, embedded=False) as running:
            yield running


def start(server: Server, **params: Any) -> str:
    status, body = server.execute(input_text="x", output_config="pieces", wait=False, params=params)
    assert status == 202, body
    return str(body["run_id"])


def listen(server: Server, run_id: str, query: str = "", **headers: str) -> HTTPResponse:
    request = urllib.request.Request(f"{server.url}/api/media/stream/{run_id}{query}", headers=headers)
    response = urllib.request.urlopen(request, timeout=PATIENCE_S)
    assert isinstance(response, HTTPResponse)
    return response


def decode(content: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    import av

    with av.open(io.BytesIO(content), "r") as container:
        to_mono = av.AudioResampler("fltp", "mono", RATE_HZ)
        blocks = [b.to_ndarray()[0] for f in container.decode(audio=0) for b in to_mono.resample(f)]
    return np.concatenate(blocks)


def pitches(heard: np.ndarray[Any, np.dtype[np.float32]]) -> list[int]:
    """The pitch in the middle of each second, to 50 Hz."""
    found = []
    for second in range(round(len(heard) / RATE_HZ / PIECE_SECONDS)):
        middle = heard[int((second + 0.25) * RATE_HZ) : int((second + 0.75) * RATE_HZ)]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        found.append(int(round(spectrum.argmax() * RATE_HZ / len(middle) / 50) * 50))
    return found


def events(server: Server, run_id: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server.url}/api/runs/{run_id}/events", timeout=PATIENCE_S) as response:
        lines = response.read().decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def hidden(server: Server, run_id: str) -> Path:
    return server.exports / run_id / ".partials"


@pytest.mark.parametrize(("query", "accept", "mime"), [("", "*/*", "audio/mpeg"), ("", "audio/webm", "audio/webm")])
def test_the_first_piece_is_heard_while_the_others_are_not_made(
    server: Server, tmp_path: Path, query: str, accept: str, mime: str
) -> None:
    run_id = start(server, gate=str(tmp_path))
    (tmp_path / "0").touch()
    with listen(server, run_id, query, Accept=accept) as response:
        assert response.headers["Content-Type"] == mime
        heard = response.read(4096)
        assert heard
        assert server.run(run_id)["status"] == "running"
        for gate in ("1", "2", "end"):
            (tmp_path / gate).touch()
        heard += response.read()
    assert pitches(decode(heard)) == [300, 400, 500]
    assert abs(len(decode(heard)) / RATE_HZ - 3 * PIECE_SECONDS) < 0.06
    assert server.ended(run_id)[0] == 200


def test_who_comes_late_or_after_the_end_hears_all_of_it(server: Server, tmp_path: Path) -> None:
    run_id = start(server, gate=str(tmp_path))
    for gate in ("0", "1"):
        (tmp_path / gate).touch()
    with listen(server, run_id) as first:
        first.read(1)
        with listen(server, run_id, "?format=webm") as second, listen(server, run_id) as third:
            for gate in ("2", "end"):
                (tmp_path / gate).touch()
            assert pitches(decode(second.read())) == [300, 400, 500]
            assert third.read()[1:] == first.read()
    server.ended(run_id)
    with listen(server, run_id, "?format=mp3") as late:
        assert pitches(decode(late.read())) == [300, 400, 500]


def test_pieces_are_events_in_order_and_leave_the_disk_with_the_end(server: Server, tmp_path: Path) -> None:
    run_id = start(server, gate=str(tmp_path))
    with listen_in_background(server, run_id):
        for gate in ("0", "1", "2", "end"):
            (tmp_path / gate).touch()
        server.ended(run_id)
    told = [event for event in events(server, run_id) if event["kind"] == "partial"]
    assert [event["data"]["index"] for event in told] == [0, 1, 2]
    assert {event["stage"] for event in told} == {"generation"}
    wait_until_gone(hidden(server, run_id))
    names = [entity["filename"] for entity in server.run(run_id)["entities"] if entity["number"] >= 7]
    assert names == ["07_output_audio.wav", "08_stem_bass.wav", "08_stem_drums.wav", "09_midi.mid", "10_peaks.json"]


def test_stems_that_were_switched_off_are_no_fault(server: Server) -> None:
    status, body = server.execute(input_text="x", output_config="pieces", params={"stems": False})
    assert status == 200, body
    roles = [entity["role"] for entity in server.run(body["run_id"])["entities"] if entity["number"] >= 7]
    assert roles == ["main"]


@pytest.mark.parametrize("fault", ["gone", "text", "number", "silent"])
def test_a_piece_that_cannot_be_had_is_a_warning_and_the_stream_goes_on_from_the_file(
    server: Server, tmp_path: Path, fault: str
) -> None:
    run_id = start(server, gate=str(tmp_path), fault=fault)
    (tmp_path / "0").touch()
    with listen(server, run_id) as response:
        heard = response.read(1)
        for gate in ("1", "2", "end"):
            (tmp_path / gate).touch()
        heard += response.read()
    assert pitches(decode(heard)) == [300, 400, 500]
    status, body = server.ended(run_id)
    assert status == 200
    expected = [] if fault == "silent" else ["partial_missing"]
    assert [warning["code"] for warning in body["warnings"]] == expected


def test_a_run_without_pieces_is_not_streamable(server: Server) -> None:
    for output, why in (("silence_mp3", "sends no pieces"), ("pieces", "sends no pieces")):
        _, body = server.execute(
            input_text="x", output_config=output, params={"pieces": 0} if output == "pieces" else {}
        )
        status, told = server.call("GET", f"/api/media/stream/{body['run_id']}")
        assert (status, told["error"]["code"]) == (409, "not_streamable")
        assert why in told["error"]["message"]
    for path, status in (("20300101-000000-ffffffff", 404), (f"{body['run_id']}?format=aiff", 422)):
        assert server.call("GET", f"/api/media/stream/{path}")[0] == status


def test_who_waits_for_a_run_that_will_not_be_heard_is_told_when_it_ends(server: Server, tmp_path: Path) -> None:
    run_id = start(server, gate=str(tmp_path), pieces=0)
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(server.call("GET", f"/api/media/stream/{run_id}")))
    waiting.start()
    assert server.run(run_id)["status"] in ("queued", "running")
    (tmp_path / "end").touch()
    waiting.join(PATIENCE_S)
    assert answers[0][0] == 409


def test_who_goes_away_ends_the_encoding_and_the_run_goes_on(server: Server, tmp_path: Path) -> None:
    run_id = start(server, gate=str(tmp_path))
    (tmp_path / "0").touch()
    with listen(server, run_id) as first, listen(server, run_id) as second:
        assert first.read(1)
        assert second.read(1)
        assert recordings(server) == 1  # shared
    for gate in ("1", "2"):
        (tmp_path / gate).touch()  # what comes cannot be written to them any more
    wait_for(lambda: recordings(server) == 0)
    assert server.run(run_id)["status"] == "running"
    (tmp_path / "end").touch()
    assert server.ended(run_id)[0] == 200


def test_a_stopped_server_ends_the_streams(tmp_path: Path) -> None:
    own, gate = write_definitions(tmp_path / "own"), tmp_path / "gate"
    gate.mkdir()
    with NodeHost(tmp_path / "host", TABLE) as host, served(tmp_path, own, host) as server:
        run_id = start(server, gate=str(gate))
        (gate / "0").touch()
        response = listen(server, run_id)
        assert response.read(1)
        assert server.stop() == 0
        assert response.read() is not None  # it ends
        response.close()


def test_pieces_survive_a_killed_server_and_none_is_noted_twice(tmp_path: Path) -> None:
    own, gate = write_definitions(tmp_path / "own"), tmp_path / "gate"
    gate.mkdir()
    with NodeHost(tmp_path / "host", TABLE) as host:
        first = served(tmp_path, own, host)
        run_id = start(first, gate=str(gate))
        (gate / "0").touch()
        with listen(first, run_id) as response:
            assert response.read(1)
        first.kill()
        with served(tmp_path, own, host) as second:
            with listen(second, run_id) as response:
                heard = response.read(1)  # of the piece that the first server has fetched
                for name in ("1", "2", "end"):
                    (gate / name).touch()
                heard += response.read()
            assert pitches(decode(heard)) == [300, 400, 500]
            status, body = second.ended(run_id)
            assert status == 200, body
            told = [event["data"]["index"] for event in events(second, run_id) if event["kind"] == "partial"]
            assert told == sorted(set(told))
            wait_until_gone(hidden(second, run_id))


def test_the_pieces_of_another_attempt_take_the_place_of_those_of_a_lost_one(tmp_path: Path) -> None:
    own, gate = write_definitions(tmp_path / "own"), tmp_path / "gate"
    gate.mkdir()
    host = NodeHost(tmp_path / "host", TABLE)
    port = int(host.url.rpartition(":")[2])
    with served(tmp_path, own, host) as server:
        run_id = start(server, gate=str(gate))
        for name in ("0", "1"):
            (gate / name).touch()
        with listen(server, run_id) as early:
            heard = early.read(1)
            wait_for(lambda: len(list(hidden(server, run_id).glob("generation_1_1/*.wav"))) == 2)
            host.kill()
            with NodeHost(tmp_path / "host", TABLE, port):
                wait_for((hidden(server, run_id) / "generation_1_2").exists)
                with listen(server, run_id) as late:
                    for name in ("2", "end"):
                        (gate / name).touch()
                    assert pitches(decode(late.read())) == [300, 400, 500]
                    assert pitches(decode(heard + early.read())) == [300, 400, 500]
                assert server.ended(run_id)[0] == 200
    told = {(event["attempt"], event["data"]["index"]) for event in kept(tmp_path, run_id)}
    assert told >= {(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)}


def test_pieces_come_through_a_swarmui(tmp_path: Path) -> None:
    own = write_definitions(tmp_path / "own")
    with (
        NodeHost(tmp_path / "host", TABLE) as host,
        RunningSwarm(Behind(host.url, tmp_path / "host" / "output")) as swarm,
        served(tmp_path, own, swarm) as server,
    ):
        run_id = start(server)
        with listen(server, run_id) as response:
            assert pitches(decode(response.read())) == [300, 400, 500]
        assert server.ended(run_id)[1]["media_output"]["metadata"]["backend"] == "swarm#0"
        assert len([event for event in events(server, run_id) if event["kind"] == "partial"]) == 3


def served(folder: Path, own: Path, backend: Any) -> Server:
    name = "studio" if isinstance(backend, NodeHost) else "swarm"
    backends = [{"name": name, "url": backend.url}]
    return Server(folder / "exports", definitions=[str(own)], backends=backends, embedded=False, probe_s=0.5)


def recordings(server: Server) -> int:
    """How many encodings the server has at work: their files have no name, but a descriptor."""
    links = [str(path.readlink()) for path in Path(f"/proc/{server.pid}/fd").iterdir() if path.is_symlink()]
    return sum("/.state/" in link and "(deleted)" in link for link in links)


def kept(folder: Path, run_id: str) -> list[dict[str, Any]]:
    """The stored pieces of a run, from the journal of a server that has stopped."""
    with closing(sqlite3.connect(folder / "exports" / ".state" / "journal.sqlite")) as db:
        sql = "SELECT attempt, data FROM events WHERE run_id = ? AND kind = 'partial'"
        return [{"attempt": attempt, "data": json.loads(data)} for attempt, data in db.execute(sql, (run_id,))]


def wait_for(happened: Callable[[], bool]) -> None:
    """For what nothing tells to a client."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class listen_in_background:  # noqa: N801 - reads as a function
    """Listens to a run until it ends; nobody looks at what was heard."""

    def __init__(self, server: Server, run_id: str) -> None:
        self._thread = threading.Thread(target=lambda: listen(server, run_id).read())

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join(PATIENCE_S)


def wait_until_gone(path: Path) -> None:
    """The folder goes just after the end of the run is told."""
    wait_for(lambda: not path.exists())
