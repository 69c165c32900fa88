"""What belongs to a run's music, over real processes: stems, notes, peaks, pictures."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from zipfile import ZipFile

import pytest

from tests.doubles.piece_nodes import PEAKS, write_definitions
from tests.doubles.programs import NodeHost, Server
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


@pytest.fixture(scope="module")
def run_id(server: Server) -> str:
    status, body = server.execute(input_text="x", output_config="pieces")
    assert status == 200, body
    return str(body["run_id"])


@pytest.fixture(scope="module")
def bare(server: Server) -> str:
    """A run with a sound and nothing else."""
    status, body = server.execute(input_text="x", output_config="pieces", params={"stems": False})
    assert status == 200, body
    return str(body["run_id"])


def get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(server.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        return response.status, dict(response.headers), response.read()


def test_stems_are_listed_and_served_one_by_one(server: Server, run_id: str) -> None:
    _, _, listed = get(server, f"/api/media/stems/{run_id}")
    found = {stem["name"]: stem for stem in json.loads(listed)}
    assert set(found) == {"drums", "bass"}
    drums = found["drums"]
    assert drums["seconds"] == 1.0
    _, headers, content = get(server, drums["url"])
    assert len(content) == drums["bytes"]
    assert headers["Content-Type"] == "audio/wav"
    status, headers, part = get(server, drums["url"], Range="bytes=4-9")
    assert (status, part) == (206, content[4:10])
    for path in (f"/api/media/stems/{run_id}/flute", "/api/media/stems/20300101-000000-ffffffff"):
        assert server.call("GET", path)[0] == 404


def test_all_stems_are_one_archive(server: Server, run_id: str) -> None:
    _, headers, content = get(server, f"/api/media/stems/{run_id}.zip")
    assert headers["Content-Disposition"] == f'attachment; filename="{run_id}_stems.zip"'
    with ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        assert {info.filename for info in packed.infolist()} == {"drums.wav", "bass.wav"}
        assert packed.read("drums.wav") == get(server, f"/api/media/stems/{run_id}/drums")[2]


def test_notes_and_peaks_that_were_made_with_the_sound(server: Server, run_id: str) -> None:
    _, headers, content = get(server, f"/api/media/midi/{run_id}")
    assert (headers["Content-Type"], content[:4]) == ("audio/midi", b"MThd")
    assert json.loads(get(server, f"/api/media/peaks/{run_id}")[2]) == PEAKS
    media = {entity["filename"]: entity["media"] for entity in server.run(run_id)["entities"]}
    assert (media["09_midi.mid"], media["10_peaks.json"]) == ("file", "file")


def test_what_a_run_does_not_have(server: Server, bare: str) -> None:
    assert server.call("GET", f"/api/media/stems/{bare}") == (200, [])
    for path in ("stems/{}.zip", "midi/{}"):
        status, told = server.call("GET", f"/api/media/{path.format(bare)}")
        assert (status, told["error"]["field"]) == (404, "run_id")
    _, body = server.execute(input_text="x", pipeline="text_only")
    for path in ("peaks", "waveform.png", "spectrogram.png"):
        assert server.call("GET", f"/api/media/{path}/{body['run_id']}")[0] == 404


def test_peaks_are_computed_where_none_came(server: Server, bare: str) -> None:
    told = json.loads(get(server, f"/api/media/peaks/{bare}")[2])
    assert (told["version"], told["bits"], told["channels"]) == (2, 8, 1)
    assert len(told["data"]) == 2 * told["length"]
    assert 40 < max(told["data"]) < 50  # 12000 of 32768, on a scale of 128


@pytest.mark.parametrize(("name", "size"), [("waveform.png", (1600, 320)), ("spectrogram.png", (1600, 480))])
def test_pictures_are_drawn_once_however_many_ask(
    server: Server, run_id: str, name: str, size: tuple[int, int]
) -> None:
    from PIL import Image

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: get(server, f"/api/media/{name}/{run_id}"), range(4)))
    assert len({content for _, _, content in answers}) == 1
    (drawn,) = (server.exports / run_id / ".drawn").glob(f"*_{name}")
    before = drawn.stat()
    again = get(server, f"/api/media/{name}/{run_id}")
    assert (drawn.stat().st_ino, drawn.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    with Image.open(io.BytesIO(again[2])) as picture:
        assert picture.size == size
        assert len(picture.convert("L").getcolors(1 << 16) or []) > 1
    assert server.call("GET", f"/api/media/{name}/20300101-000000-ffffffff")[0] == 404


def test_a_picture_of_tones_shows_each_where_it_sounds(server: Server, run_id: str) -> None:
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(get(server, f"/api/media/spectrogram.png/{run_id}")[2])) as picture:
        bright = np.asarray(picture.convert("L"), int)
    rows = [bright[:, column].argmax() for column in (266, 800, 1333)]  # the middle of each second
    pitches = [20_000 * (30 / 20_000) ** (row / 479) for row in rows]
    assert [round(pitch, -2) for pitch in pitches] == [300, 400, 500]
