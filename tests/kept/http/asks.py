"""What is asked of each route besides what is asked of every route. A route that is not here is asked as it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.doubles.programs import ROOT
from tests.kept.http.world import LOCAL, PEOPLE, PIXEL, RUNS, SILENCE, USER

ONE: Final = (USER,)
OWNERS: Final = (USER, LOCAL)


@dataclass(frozen=True)
class Ask:
    """A request to a route. In `path`, `headers` and texts of `body`, `{sound}` is the id of the run of that name, of
    the asking person's place; `{fresh}` that of a new one that waits, and `{etag}` the file's own.

    `path`: where it is not the route's own, with its parameters filled in; one that begins with `?` is added to that.
    `method`: where it is not the route's own.
    `body`: bytes as they are, anything else as JSON. `events`: how many are read of a stream without an end.
    """

    path: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    people: tuple[str, ...] = PEOPLE
    events: int = 0
    method: str = ""


def _file(path: str, other: str) -> dict[str, Ask]:
    """How a file can be asked for: whole, in part, on conditions."""
    headers: dict[str, dict[str, str]] = {
        "its beginning": {"Range": "bytes=0-9"},
        "its end": {"Range": "bytes=-10"},
        "from a place on": {"Range": "bytes=20-"},
        "beyond its end": {"Range": "bytes=99999999-"},
        "two ranges": {"Range": "bytes=0-1,4-5"},
        "another unit": {"Range": "items=0-1"},
        "a range of this file": {"Range": "bytes=0-9", "If-Range": '"{etag}"'},
        "a range of another file": {"Range": "bytes=0-9", "If-Range": '"other"'},
        "known": {"If-None-Match": '"{etag}"'},
        "known, weakly": {"If-None-Match": 'W/"{etag}", "x"'},
        "another one known": {"If-None-Match": '"other"'},
        "if it is this": {"If-Match": '"{etag}"'},
        "if it is another": {"If-Match": '"other"'},
    }
    conditions = {title: Ask(path, headers=given, people=ONE) for title, given in headers.items()}
    return {
        "good": Ask(path),
        **conditions,
        "to be saved": Ask(f"{path}?download", people=ONE),
        "of a run without one": Ask(other, people=ONE),
    }


def _execute(**body: Any) -> Ask:
    return Ask(body={**SILENCE, "wait": False, **body}, people=ONE)


def _wrong(good: Mapping[str, Any], **values: Any) -> dict[str, Ask]:
    """One wrong value at a time, by the field's name."""
    return {
        f"{name} = {json.dumps(value)[:40]}": Ask(body={**good, name: value}, people=ONE)
        for name, value in values.items()
    }


LEGACY_TEXT: Final = {"schema": "haiku", "input_text": "rain", "seed": 1, "safety_level": "research"}
LEGACY_MEDIA: Final = {"prompt": "a sound", "output_config": "silence_mp3", "seed": 1}
GRAPH: Final = json.loads((ROOT / "schemas" / "graphs" / "silence_mp3.json").read_text())
DEFINITION: Final = {"kind": "output", "text": "label: {en: A, de: B}\n", "name": "draft"}
FORM: Final = (
    b"--b\r\nContent-Disposition: form-data; name=file; filename=dot.png\r\nContent-Type: image/png\r\n\r\n"
    + PIXEL
    + b"\r\n--b--\r\n"
)
FORM_TYPE: Final = {"Content-Type": "multipart/form-data; boundary=b"}

# By method and path; where a route is not named, it is asked once, with `{sound}` as its run.
ASKS: Final[Mapping[str, Mapping[str, Ask]]] = {
    "POST /api/schema/pipeline/execute": {
        "good": Ask(body={**SILENCE, "wait": False}),
        "until a time": _execute(wait=True, wait_timeout_s=0.01),
        "nothing": Ask(body={}, people=ONE),
        "an output that nothing here can make": _execute(output_config="stable_audio", fallback=False, wait=True),
        "with a parameter that it has not": _execute(params={"x": 1}),
        "with a parameter that is too large": _execute(params={"seconds": 1e9}),
        "with a file that is not there": _execute(output_config="mastered_recording", params={"audio": "x"}),
        **_wrong(
            {**SILENCE, "wait": False},
            schema="x",
            output_config="x",
            pipeline="x",
            preset="x",
            input_text="",
            seed=-2,
            execution_mode="x",
            safety_level="x",
            fallback=1,
            priority=10,
            formats=["x"],
            wait_timeout_s=-1,
            brief=1,
            params=[],
        ),
    },
    "GET /api/schema/outputs": {
        "good": Ask(),
        "of a backend": Ask("?backend=embedded", people=ONE),
        "of no backend": Ask("?backend=nobody", people=ONE),
        "of an address": Ask("?backend=http://127.0.0.1:9", people=ONE),
    },
    "POST /api/schema/import": {
        "good": Ask(body={"graph": GRAPH, "name": "kept"}),
        "to be written": Ask(body={"graph": GRAPH, "name": "silence_mp3", "write": True}),
        "of no upload": Ask(body={"upload": "x"}, people=ONE),
        "of a backend that is not there": Ask(body={"graph": GRAPH, "name": "kept", "backend": "nobody"}, people=ONE),
        "of nothing": Ask(body={}, people=ONE),
        "of an empty graph": Ask(body={"graph": {}}, people=ONE),
        "of a node that nobody knows": Ask(body={"graph": {"1": {"class_type": "X", "inputs": {}}}}, people=ONE),
        **_wrong({"graph": GRAPH}, name="../x", write="yes", graph=[]),
    },
    "POST /api/schema/validate": {
        "good": Ask(body=DEFINITION),
        "with nothing wrong": Ask(body={**DEFINITION, "kind": "graph", "text": json.dumps(GRAPH)}, people=ONE),
        "with no YAML": Ask(body={**DEFINITION, "text": "a: [1"}, people=ONE),
        "nothing": Ask(body={}, people=ONE),
        **_wrong(DEFINITION, kind="x", text=1, name="../x"),
    },
    "POST /api/prompt/parse": {
        "good": Ask(body={"text": "slow blues in A minor, 90 bpm"}),
        "with a language model": Ask(body={"text": "slow blues", "llm": True}, people=ONE),
        "with a value that stays": Ask(body={"text": "slow blues", "locked": {"bpm": 100}}, people=ONE),
        "nothing": Ask(body={}, people=ONE),
        **_wrong({"text": "slow blues"}, text="x" * 10_001, locked={"bpm": -1}, llm=1, execution_mode="x"),
    },
    "GET /api/runs": {
        "good": Ask(),
        "a page": Ask("?limit=2", people=ONE),
        "the next page": Ask("?limit=2&before={pieces}", people=ONE),
        "by words": Ask("?q=blues", people=ONE),
        "by status": Ask("?status=failed", people=ONE),
        "by output": Ask("?output=takes", people=ONE),
        "limit=0": Ask("?limit=0", people=ONE),
        "limit=x": Ask("?limit=x", people=ONE),
        "before=x": Ask("?before=x", people=ONE),
        "status=x": Ask("?status=x", people=ONE),
        "too many words": Ask("?q=" + "x" * 501, people=ONE),
    },
    **{
        f"GET {path}": {
            "good": Ask(),
            **{name: Ask(path.replace("{run_id}", f"{{{name}}}"), people=ONE) for name in names},
        }
        for path, names in {
            "/api/runs/{run_id}": ["failed", "waiting"],
            "/api/runs/{run_id}/answer": [*RUNS, "waiting", "cancelled"],
            "/api/pipeline/{run_id}/generation": [*RUNS, "waiting", "cancelled"],
            "/api/pipeline/{run_id}/status": ["song", "blocked", "waiting"],
            "/api/pipeline/{run_id}/entities": ["song", "blocked", "waiting"],
            "/api/media/info/{run_id}": ["song", "blocked", "waiting"],
        }.items()
    },
    "POST /api/runs/{run_id}/cancel": {"good": Ask("/api/runs/{fresh}/cancel"), "that has ended": Ask(people=ONE)},
    "POST /api/runs/{run_id}/rerun": {
        "good": Ask(),
        **{name: Ask(f"/api/runs/{{{name}}}/rerun", people=ONE) for name in ("waiting", "blocked", "cancelled")},
    },
    "GET /": {"good": Ask(), "known": Ask(headers={"If-None-Match": '"{etag}"'}, people=ONE)},
    "POST /api/queue/move": {
        "good": Ask(body={"run_id": "{waiting}", "to": "front"}),
        "to a position": Ask(body={"run_id": "{waiting}", "position": 1}, people=OWNERS),
        "that has ended": Ask(body={"run_id": "{sound}", "to": "front"}, people=ONE),
        "before one that does not wait": Ask(body={"run_id": "{waiting}", "before": "{sound}"}, people=ONE),
        "before itself": Ask(body={"run_id": "{waiting}", "before": "{waiting}"}, people=ONE),
        "nowhere": Ask(body={"run_id": "{waiting}"}, people=ONE),
        "nothing": Ask(people=ONE),
        **_wrong({"run_id": "{waiting}"}, to="x", position=0, before=1),
    },
    **{
        f"POST /api/queue/{name}": {
            "good": Ask(body={"backend": "studio"}),
            "all": Ask(),
            "of no backend": Ask(body={"backend": "nobody"}),
            **_wrong({}, backend=1),
        }
        for name in ("resume", "pause")
    },
    "POST /api/schema/pipeline/interception": {
        "good": Ask(body=LEGACY_TEXT),
        "nothing": Ask(body={}, people=ONE),
        "without effect": Ask(body={**LEGACY_TEXT, "device_id": "x", "mode": 1}, people=ONE),
        **_wrong(LEGACY_TEXT, schema="x", safety_level="x", seed="x", enable_streaming=1),
    },
    "POST /api/schema/pipeline/generation": {
        "good": Ask(body=LEGACY_MEDIA, headers={"Prefer": "respond-async"}),
        "nothing": Ask(body={}, people=ONE),
        "with a parameter that it has not": Ask(body={**LEGACY_MEDIA, "steps": 4}, people=ONE),
        **_wrong(LEGACY_MEDIA, output_config="x", prompt="", seed="x"),
    },
    "GET /api/media/{media}/{run_id}": {
        **_file("/api/media/audio/{sound}", "/api/media/audio/{blocked}"),
        "of another medium": Ask("/api/media/video/{sound}", people=ONE),
        "of no medium": Ask("/api/media/x/{sound}", people=ONE),
    },
    "GET /api/media/{media}/{run_id}/{index}": {
        **_file("/api/media/audio/{song}/1", "/api/media/audio/{text}/0"),
        "a file that is no sound": Ask("/api/media/file/{sound}/0", people=ONE),
        "more than there are": Ask("/api/media/audio/{song}/99", people=ONE),
        "index x": Ask("/api/media/audio/{song}/x", people=ONE),
        "of no medium": Ask("/api/media/x/{song}/0", people=ONE),
    },
    "GET /api/media/midi/{run_id}": _file("/api/media/midi/{pieces}", "/api/media/midi/{sound}"),
    "GET /api/media/peaks/{run_id}": _file("/api/media/peaks/{pieces}", "/api/media/peaks/{text}"),
    "GET /api/media/waveform.png/{run_id}": _file("/api/media/waveform.png/{sound}", "/api/media/waveform.png/{text}"),
    "GET /api/media/spectrogram.png/{run_id}": _file(
        "/api/media/spectrogram.png/{sound}", "/api/media/spectrogram.png/{text}"
    ),
    "GET /api/media/stems/{run_id}/{name}": {
        **_file("/api/media/stems/{pieces}/drums", "/api/media/stems/{sound}/drums"),
        "by its file's name": Ask("/api/media/stems/{pieces}/drums.wav", people=ONE),
    },
    "GET /api/media/stems/{run_id}": {
        "good": Ask("/api/media/stems/{song}"),
        "none": Ask("/api/media/stems/{sound}", people=ONE),
    },
    "GET /api/media/stems/{run_id}.zip": {
        "good": Ask("/api/media/stems/{pieces}.zip"),
        "none": Ask("/api/media/stems/{sound}.zip", people=ONE),
    },
    "GET /api/media/stream/{run_id}": {
        "good": Ask("/api/media/stream/{pieces}"),
        "by the format": Ask("/api/media/stream/{pieces}?format=webm", people=ONE),
        "by Accept": Ask("/api/media/stream/{pieces}", headers={"Accept": "audio/webm;q=0.5"}, people=ONE),
        "format=x": Ask("/api/media/stream/{pieces}?format=x", people=ONE),
        "of a backend that sends no pieces": Ask(people=ONE),
        "of a text": Ask("/api/media/stream/{text}", people=ONE),
        "of one that was blocked": Ask("/api/media/stream/{blocked}", people=ONE),
    },
    "POST /api/uploads": {
        "good": Ask("?name=dot.png", body=PIXEL),
        "as a form": Ask(body=FORM, headers=FORM_TYPE, people=ONE),
        "as a form without a file": Ask(body=b"--b\r\n\r\n--b--\r\n", headers=FORM_TYPE, people=ONE),
        "as a form that is cut off": Ask(body=FORM[:-30], headers=FORM_TYPE, people=ONE),
        "of no kind": Ask("?name=x.mp3", body=b"no sound", people=ONE),
        "empty": Ask(body=b"", people=ONE),
    },
    "GET /api/events": {"good": Ask(events=5), "from x": Ask(headers={"Last-Event-ID": "x"}, people=ONE)},
    "GET /api/runs/{run_id}/events": {
        "good": Ask(),
        "of one that has failed": Ask("/api/runs/{failed}/events", people=ONE),
        "from x": Ask(headers={"Last-Event-ID": "x"}, people=ONE),
        "from far beyond": Ask(headers={"Last-Event-ID": "999999"}, people=ONE),
    },
    "POST /api/session": {
        "good": Ask(body={"key": "{key}"}),
        "with another key": Ask(body={"key": "tonewright_of_nobody_here_at_all_today"}, people=("nobody",)),
        "nothing": Ask(body={}, people=ONE),
        "too much": Ask(body={"key": "x", "name": "y"}, people=ONE),
        **_wrong({}, key=1),
    },
    "GET /public/{path}": {
        "good": Ask("/public/style.css"),
        "known": Ask("/public/style.css", headers={"If-None-Match": '"{etag}"'}, people=ONE),
        "known since": Ask(
            "/public/style.css", headers={"If-Modified-Since": "Thu, 01 Jan 2060 00:00:00 GMT"}, people=ONE
        ),
        "a range of it": Ask("/public/style.css", headers={"Range": "bytes=0-9"}, people=ONE),
        "one that is not there": Ask("/public/x.css"),
        "of no kind": Ask("/public/x.py", people=ONE),
        "beside the folder": Ask("/public/..%2fserver.py", people=ONE),
    },
    "GET /metrics": {
        "good": Ask(),
        "as OpenMetrics": Ask(headers={"Accept": "application/openmetrics-text"}, people=ONE),
    },
}
