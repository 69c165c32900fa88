"""Other ways of a run: by a fallback, blocked, run again from its record, in other formats, of a file that was sent."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Final

from tests.doubles.programs import Server
from tests.doubles.reencode import OUTPUT, tone, written
from tests.kept.runs.inputs import sent
from tests.kept.runs.making import write_definitions
from tests.kept.runs.plain import plain
from tests.kept.runs.seen import PORT, files_of, made, seen
from tests.kept.scenario import Scenario

SILENCE: Final[dict[str, Any]] = {"output_config": "silence_mp3", "params": {"seconds": 1}, "seed": 3}
HASHED: Final = ("graph_sha256",)  # the graph names a file by its hash, whose tags name the run
BROKEN: Final = b"RIFF\x24\x08\0\0WAVEfmt " + bytes(100)


def _embedded(folder: Path) -> dict[str, Any]:
    definitions = written(write_definitions(folder / "definitions"))
    (definitions / "configs/output/quiet.yaml").write_text(json.dumps({**OUTPUT, "chunk": "silence_mp3"}))
    with Server(folder / "exports", definitions=[str(definitions)]) as server:
        cases = _fallbacks(server)
        # The backend keeps the results of its last prompt, and which of two beside each other was last may differ.
        # Another output's name, so that the expected times of those that follow have learned nothing from it.
        assert server.execute(**{**SILENCE, "input_text": "x", "output_config": "quiet"})[0] == 200
        cases |= _safety(server)
        cases |= _again(server)
        cases |= _formats(server)
        cases |= _files(server)
        cases |= _several(server)
    cases["exports_at_the_end"] = _without_runs(folder / "exports")
    return cases


def _fallbacks(server: Server) -> dict[str, Any]:
    asked: dict[str, Any] = {"input_text": "test", "schema": "dada", "output_config": "acestep_instrumental", "seed": 3}
    params = {"seconds": 1, "cfg": 4}
    return {
        "fallback": made(server, plan=True, **asked, params=params, execution_mode="eco"),
        "without_a_fallback": made(server, **asked, fallback=False),
        "nobody_has_the_node": made(server, input_text="x", output_config="nobody", seed=3, formats=["opus", "mp3"]),
        "brief_limited": made(
            server,
            input_text="a techno track at 400 bpm, two hours long",
            output_config="procedural_instrumental",
            params={"seconds": 1},
            seed=3,
        ),
        "preset_left_out": made(
            server,
            input_text="x",
            output_config=["procedural_instrumental", "silence_mp3"],
            preset="best",
            params={"seconds": 1},
            seed=3,
        ),
    }


def _safety(server: Server) -> dict[str, Any]:
    levels = {f"safety_{level}": {"input_text": "a lullaby", "safety_level": level} for level in ("kids", "adult")}
    asked: dict[str, Any] = levels | {
        "blocked": {"input_text": "a song about murder", "safety_level": "kids"},
        "blocked_text_that_was_made": {"input_text": "redrum", "schema": "mirror", "safety_level": "kids"},
    }
    cases = {name: made(server, **body, **SILENCE) for name, body in asked.items()}
    words: dict[str, Any] = {
        "input_text": "a lullaby",
        "output_config": "procedural_instrumental",
        "safety_level": "kids",
        "seed": 3,
    }
    cases["blocked_parameter"] = made(server, **words, params={"prompt": "murder ballad"})
    return cases


def _again(server: Server) -> dict[str, Any]:
    """Run an ended run again, a run that fell back, and one that ended badly; ask twice with one Idempotency-Key."""
    cases: dict[str, Any] = {}
    firsts = {
        "rerun": {"input_text": "one two three four five", "schema": "dada", **SILENCE},
        "rerun_of_a_fallback": {"input_text": "x", "output_config": "nobody", "seed": 3},
        "rerun_of_a_blocked_one": {"input_text": "murder", "safety_level": "kids", **SILENCE},
    }
    for name, body in firsts.items():
        _, first = server.execute(**body)
        told = server.call("POST", f"/api/runs/{first['run_id']}/rerun")
        # By now it may have its turn, or be blocked.
        accepted = "<accepted>" if name == "rerun_of_a_blocked_one" else plain([told[0], {**told[1], "queue": None}])
        cases[name] = {"rerun": accepted, **seen(server, told[1]["run_id"], plan=True)}
    body = {"input_text": "x", "safety_level": "off", **SILENCE}
    way, key = ("POST", "/api/schema/pipeline/execute"), {"Idempotency-Key": "night-1"}
    answers = [server.call(*way, body, key), server.call(*way, body, key), server.call(*way, {**body, "seed": 4}, key)]
    cases["idempotency"] = plain(answers)
    status, told = server.execute(**body, wait=False)
    cases["not_waited_for"] = {"execute": plain([status, told]), **seen(server, told["run_id"])}
    return cases


def _formats(server: Server) -> dict[str, Any]:
    asked: dict[str, Any] = {"input_text": "a tone", "output_config": "lossless", "seed": 3}
    return {
        "formats": made(server, plan=True, **asked, formats=["flac", "wav", "mp3", "opus", "ogg", "m4a"], drop=HASHED),
        "streamed": made(
            server, input_text="x", output_config="procedural_instrumental", seed=3, params={"seconds": 2}
        ),
        "formats_of_our_own": made(
            server,
            input_text="x",
            output_config="procedural_instrumental",
            seed=3,
            params={"seconds": 1, "format": "wav"},
        ),
    }


def _files(server: Server) -> dict[str, Any]:
    asked: dict[str, Any] = {"input_text": "again", "output_config": "reencode", "seed": 3}
    upload = sent(server, tone(440))
    cases = {"of_an_upload": made(server, **asked, params={"audio": upload})}
    _, first = server.execute(**asked, params={"audio": upload})
    entity = {"run": first["run_id"], "entity": first["media_output"]["metadata"]["filename"]}
    cases["of_a_runs_file"] = made(server, **asked, params={"audio": entity}, drop=HASHED)
    cases["of_a_broken_file"] = _of_a_broken_file(server, asked)
    gone = sent(server, tone(880))
    server.call("POST", "/api/queue/pause", {})
    _, told = server.execute(**asked, params={"audio": gone}, wait=False)
    for path in (server.exports / ".state" / "uploads").glob(f"{gone.partition('.')[0]}*"):
        path.unlink()
    server.call("POST", "/api/queue/resume", {})
    cases["of_a_file_that_is_gone"] = seen(server, told["run_id"])
    return cases


def _of_a_broken_file(server: Server, asked: dict[str, Any]) -> dict[str, Any]:
    status, told = server.call("POST", "/api/uploads", BROKEN)
    made_of_it = made(server, **asked, params={"audio": told["id"]}) if "id" in told else {}
    return {"upload": [status, told], **made_of_it}


def _several(server: Server) -> dict[str, Any]:
    outputs = ["silence_mp3", "procedural_instrumental"]
    params = {"generation.seconds": 1, "generation_2.seconds": 1, "generation_2.stems": False}
    return {"two_outputs": made(server, input_text="a waltz", output_config=outputs, params=params, seed=3)}


def _without_runs(exports: Path) -> dict[str, Any]:
    """Return what lies beside the folders of the runs once the server has stopped."""
    beside = [path.name for path in exports.iterdir() if not path.name[:8].isdecimal()]
    return {
        "beside_the_runs": sorted(beside),
        "state": sorted({name.split("/")[0] for name in files_of(exports / ".state")}),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unreachable(folder: Path) -> dict[str, Any]:
    gone = {"name": "studio", "url": f"http://127.0.0.1:{_free_port()}"}
    with Server(folder / "exports", backends=[gone], backend_wait_s=0.3) as server:
        asked: dict[str, Any] = {"input_text": "x", "output_config": "acestep_instrumental", "seed": 3}
        return {
            "fallback_for_a_silent_backend": made(server, **asked, params={"seconds": 1}),
            "backend_unreachable": made(server, **asked, fallback=False),
        }


SCENARIOS: Final = (
    Scenario("runs/ways/embedded", _embedded),
    Scenario("runs/ways/unreachable", _unreachable, patterns=PORT),
)
