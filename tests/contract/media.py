"""Transcripts 03, 04 and 07: the files of a run, fetched and sent."""

from __future__ import annotations

import io
import json
import wave
from typing import Any

from aiohttp import FormData

from tests.contract.live import Live, silence
from tests.contract.scenario import Record, Scenario, Subject
from tests.contract.shape import transcript

GRAPHS = (
    "SaveImage",
    "SaveImage_batch3",
    "CreateVideo_SaveVideo",
    "CreateVideo_with_audio_SaveVideo_mp4",
    "LoadAudio_SaveAudioMP3",
    "LoadAudio_SaveAudio_flac",
    "LoadAudio_SaveAudioOpus",
    "PreviewAudio_temp",
    "AudioConcat_AudioMerge_chain",
    "SplitAudioChannels",
    "tokens_in_prefix",
    "date_token_literal",
    "empty_prefix",
    "deep_prefix",
    "unicode_space_prefix",
    "trailing_slash_prefix",
    "zero_length_audio",
)


def tone(seconds: float) -> bytes:
    """A stereo WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        count = int(seconds * 44100)
        file.writeframes(bytes(byte for i in range(count) for byte in (i % 256, (i // 200) % 64) * 2))
    return target.getvalue()


async def upload(live: Live, field: str, filename: str, content: bytes, form: dict[str, str]) -> dict[str, Any]:
    data = FormData(form, quote_fields=False)
    data.add_field(field, content, filename=filename)
    return await live.ask("POST", "/upload/image", data=data)


# Whose first file is fetched, and under which name the transcript of /view has its answer.
FETCHED = {
    "LoadAudio_SaveAudio_flac": "SaveAudio",
    "LoadAudio_SaveAudioOpus": "SaveAudioOpus",
    "CreateVideo_SaveVideo": "video",
}


def _results_written() -> Record:
    written, calls = transcript("04"), transcript("07")["calls"]
    results = {name: {"outputs": written[name]["outputs"], "status": written[name]["status"]} for name in GRAPHS}
    for name, call in FETCHED.items():
        results[name]["fetched"] = _type(calls[call])
    return results


def _type(call: dict[str, Any]) -> tuple[int, str]:
    return call["status"], call["resp_headers"]["Content-Type"]


async def _results_played(live: Live) -> Record:
    name = f"input{live.token}.wav"
    await upload(live, "image", name, tone(0.5), {})
    results = {}
    for graph_name in GRAPHS:
        text = json.dumps(transcript("04")[graph_name]["graph"]).replace("tone.wav", name)
        run = await live.run(json.loads(text))
        results[graph_name] = {"outputs": run["entry"]["outputs"], "status": run["entry"]["status"]}
        if graph_name in FETCHED:
            (output,) = run["entry"]["outputs"].values()
            file = next(entries[0] for key, entries in output.items() if key != "animated")
            results[graph_name]["fetched"] = _type(await _view(live, "GET", file, {}))
    return results


RESULTS = Scenario("results", _results_written, _results_played)


def _keys(result: dict[str, Any]) -> dict[str, Any]:
    """Per output node and key: how many files, where, with which ending."""

    def brief(entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        prefix, _counter, ending = entry["filename"].rsplit("_", 2)
        named = prefix if entry["type"] == "output" and "%" not in prefix and not prefix.startswith("run_") else "..."
        return [named, ending, entry["type"], "2026" if entry["subfolder"][:2] == "20" else entry["subfolder"]]

    return {
        node: {key: [brief(entry) for entry in entries] for key, entries in output.items()}
        for node, output in result["outputs"].items()
    }


async def check_result_keys(subject: Subject) -> None:
    """04: which key holds which files: a film is under `images`, with `animated`."""
    played, written = await subject.record(RESULTS), RESULTS.transcript()
    for name in GRAPHS:
        assert _keys(played[name]) == _keys(written[name]), name
        assert played[name]["status"]["status_str"] == written[name]["status"]["status_str"], name


def _view_written() -> Record:
    written = transcript("07")
    skipped = {"webm", "SaveAudio", "SaveAudioOpus", "video", "slash_in_filename"}
    return {name: call for name, call in written["calls"].items() if name not in skipped}


async def _view_played(live: Live) -> Record:
    run = await live.run(silence(live.seconds(), prefix=f"audio/view{live.token}"))
    file = run["entry"]["outputs"]["2"]["audio"][0]
    full = await _view(live, "GET", file, {})
    names = {"view_00001_.mp3": file["filename"], "view_00001_.mp3 [output]": f"{file['filename']} [output]"}
    calls = {}
    for name, call in _view_written().items():
        params = file if call["params"] is None else dict(call["params"])
        params = params | (
            {"filename": names.get(params["filename"], params["filename"])} if "filename" in params else {}
        )
        headers = dict(call["headers"] or {})
        if "If-None-Match" in headers:
            headers["If-None-Match"] = full["resp_headers"].get("Etag", '"none"')
        calls[name] = await _view(live, "HEAD" if name == "head" else "GET", params, headers)
    return calls


async def _view(live: Live, method: str, params: dict[str, str], headers: dict[str, str]) -> dict[str, Any]:
    async with live.session.request(method, f"{live.base_url}/view", params=params, headers=headers) as answer:
        raw = await answer.read()
        return {"status": answer.status, "resp_headers": dict(answer.headers), "len": len(raw)}


VIEW = Scenario("view", _view_written, _view_played)


async def check_view(subject: Subject) -> None:
    """07: ranges, ETag, 304, HEAD, what is missing and what leads out of the folders."""
    played, written = await subject.record(VIEW), VIEW.transcript()
    for name, expected in written.items():
        got = played[name]
        assert got["status"] == expected["status"], name
        assert set(got["resp_headers"]) == set(expected["resp_headers"]), name
        assert got["resp_headers"].get("Content-Type") == expected["resp_headers"].get("Content-Type"), name
        if got["status"] == 206 and name != "range_open":
            assert got["len"] == expected["len"], name


async def check_types_of_files(subject: Subject) -> None:
    """07: FLAC, Opus and MP4 come with their types."""
    played, written = await subject.record(RESULTS), RESULTS.transcript()
    for name in FETCHED:
        assert played[name]["fetched"] == written[name]["fetched"], name


def _uploads_written() -> Record:
    return {name: {"status": answer["status"], "body": answer["body"]} for name, answer in transcript("03").items()}


async def _uploads_played(live: Live) -> Record:
    answers = {}
    tones = {"tone": tone(0.05), "other": tone(0.06)}
    for name, recorded in transcript("03").items():
        content = tones["other" if name in {"same_name_different_bytes", "overwrite_true"} else "tone"]
        stem, dot, ending = recorded["filename"].rpartition(".")
        answer = await upload(live, recorded["field"], f"{stem}{live.token}{dot}{ending}", content, recorded["form"])
        body = answer["body"] if isinstance(answer["body"], str) else json.dumps(answer["body"])
        answers[name] = {"status": answer["status"], "body": body.replace(live.token, "")}
    return answers


UPLOADS = Scenario("uploads", _uploads_written, _uploads_played)


async def check_uploads(subject: Subject) -> None:
    """03: any bytes under any name; the same bytes keep their name, others get a new one; no way out of the folder."""
    assert await subject.record(UPLOADS) == UPLOADS.transcript()


CHECKS = (check_result_keys, check_view, check_types_of_files, check_uploads)
