"""What goes wrong is told with what to do about it, and nothing else is harmed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cli.build import SHIPPED
from tests.doubles.programs import NodeHost, Server


def write_definitions(folder: Path) -> Path:
    """`strict_silence` refuses silence and `hurried` has no time."""
    chunk = yaml.safe_load((SHIPPED / "chunks" / "silence_mp3.yaml").read_text("utf8"))
    chunk["outputs"][0]["verify"] = {"silence": "refuse"}
    config = yaml.safe_load((SHIPPED / "configs" / "output" / "silence_mp3.yaml").read_text("utf8"))
    music = yaml.safe_load((SHIPPED / "configs" / "output" / "procedural_instrumental.yaml").read_text("utf8"))
    files = {
        "chunks/strict.yaml": chunk,
        "configs/output/strict_silence.yaml": {**config, "chunk": "strict"},
        "configs/output/hurried.yaml": {**music, "run_timeout_s": 0.2, "values": {"prompt": "${text}", "seconds": 600}},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf8")
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    own = write_definitions(tmp_path_factory.mktemp("definitions"))
    with Server(tmp_path_factory.mktemp("exports"), definitions=[str(own)]) as running:
        yield running


def test_a_file_that_verify_refuses_is_502_and_is_not_tried_again(strict: Server) -> None:
    status, body = strict.execute(input_text="x", output_config="strict_silence")
    assert (status, body["error"]["code"]) == (502, "output_refused")
    assert body["error"]["details"]["reason"] == "silent"
    assert body["media_output"]["metadata"]["attempts"] == 1
    assert body["media_output"]["media_stored"] is False


def test_a_run_past_its_time_limit_is_504_and_leaves_the_backend_free(strict: Server) -> None:
    status, body = strict.execute(input_text="x", output_config="hurried")
    assert (status, body["error"]["code"]) == (504, "run_timeout")
    status, _ = strict.execute(input_text="x", output_config="silence_mp3")
    assert status == 200


def test_one_output_that_fails_leaves_the_other_its_file(strict: Server) -> None:
    status, body = strict.execute(input_text="x", output_config=["silence_mp3", "strict_silence"])
    assert status == 502
    assert [output["status"] for output in body["media_outputs"]] == ["success", "failed"]
    assert strict.call("GET", body["media_outputs"][0]["url"])[0] == 200


def test_a_configured_backend_that_is_silent_is_waited_for_and_then_named(exports: Path) -> None:
    gone = {"name": "studio", "url": f"http://127.0.0.1:{free_port()}"}
    with Server(exports, backends=[gone], backend_wait_s=0.5) as server:
        status, body = server.execute(input_text="x", output_config="acestep_instrumental", params={"seconds": 1})
        assert status == 200
        assert {"backend_silent", "fallback"} <= {warning["code"] for warning in body["warnings"]}
        status, body = server.execute(input_text="x", output_config="acestep_instrumental", fallback=False)
        assert (status, body["error"]["code"]) == (502, "backend_unreachable")
        assert "studio" in body["error"]["message"]


def test_a_cancelled_run_is_stopped_at_the_backend_and_the_next_one_goes_on(tmp_path: Path, exports: Path) -> None:
    with NodeHost(tmp_path / "host") as host:
        with Server(exports, embedded=False, backends=[{"name": "studio", "url": host.url}]) as server:
            long = server.execute(input_text="x", params={"seconds": 600}, wait=False)[1]["run_id"]
            while not [row for row in server.run(long)["stages"][-1].get("attempts", []) if row["prompt_id"]]:
                pass
            server.call("POST", f"/api/runs/{long}/cancel")
            assert server.ended(long)[0] == 409
            assert server.execute(input_text="x", output_config="silence_mp3")[0] == 200
            prompt_id = server.run(long)["stages"][-1]["attempts"][0]["prompt_id"]
        ended = host.history().get(prompt_id)  # a prompt that was still waiting leaves no history
        assert ended is None or ended["status"]["status_str"] == "error"


def test_what_the_embedded_backend_wrote_for_a_run_is_deleted_once_the_record_is_final(strict: Server) -> None:
    _, body = strict.execute(input_text="x", output_config="silence_mp3")
    kept = strict.exports / ".state" / "embedded" / "output" / "tonewright"
    assert not (kept / body["run_id"]).exists()
    assert (strict.exports / body["run_id"] / "07_output_audio.mp3").is_file()


def test_a_second_server_on_the_same_folder_says_who_holds_it(exports: Path) -> None:
    with Server(exports) as first:
        with pytest.raises(AssertionError, match="did not start: exit code 2"):
            Server(exports)
        assert first.call("GET", "/health")[0] == 200
