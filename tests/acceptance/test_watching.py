"""A server as an operator watches it: metrics, log and traces of one run, over real HTTP."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

from tests.doubles.programs import ROOT, Server
from tests.doubles.together import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
SECRET = "Schneewittchen"
LOGGED = "import os; os.dup2(os.open({!r}, os.O_CREAT | os.O_WRONLY), 2); "
RUN = "import runpy, sys; sys.argv = ['server.py', 'serve']; runpy.run_path('server.py', None, '__main__')"


class Collector(ThreadingHTTPServer):
    """Takes traces as OpenTelemetry's collector does, and keeps the spans."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.spans: list[Span] = []
        self.paths: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        self.server.paths.add(self.path)
        self.server.spans += [s for r in sent.resource_spans for scope in r.scope_spans for s in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Watched:
    """What there was to see of one run."""

    run_id: str
    metrics: str
    found: list[str]
    log: str
    spans: list[Span] = field(default_factory=list)

    def value(self, name: str, **labels: str) -> float | None:
        families = text_string_to_metric_families(self.metrics)
        samples = [sample for family in families for sample in family.samples]
        return next((s.value for s in samples if s.name == f"tonewright_{name}" and s.labels == labels), None)


def metrics_once_counted(server: Server) -> str:
    text: str = server.call("GET", "/metrics")[1].decode()
    return text if "tonewright_runs_ended_total{" in text else ""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    collector, log = Collector(), tmp_path_factory.mktemp("log") / "log.jsonl"
    threading.Thread(target=collector.serve_forever).start()
    command = ("-c", LOGGED.format(str(log)) + RUN)
    settings = {"otlp_url": collector.url, "log_format": "json", "log_level": "info"}
    with Server(tmp_path_factory.mktemp("exports"), command, **settings) as server:
        body = {"input_text": f"{SECRET} sings", "output_config": "silence_mp3", "safety_level": "off"}
        status, told = server.call("POST", "/api/schema/pipeline/execute", body, {"traceparent": CALLER})
        assert status == 200, told
        # the answer may be sent before the last event is counted
        metrics = until(lambda: metrics_once_counted(server), "the run's end was counted")
        found = server.call("GET", "/api/runs?q=SCHNEEWITT*&status=success&output=silence_mp3")[1]["runs"]
    collector.shutdown()
    collector.server_close()
    assert collector.paths == {"/v1/traces"}
    return Watched(told["run_id"], metrics, [run["run_id"] for run in found], log.read_text("utf8"), collector.spans)


def test_the_run_is_found_by_its_text(watched: Watched) -> None:
    assert watched.found == [watched.run_id]


def test_the_run_is_counted(watched: Watched) -> None:
    assert watched.value("runs_ended_total", status="success", config="silence_mp3") == 1
    assert watched.value("stage_seconds_count", stage="generation") == 1
    assert watched.value("backend_up", backend="embedded") == 1
    assert watched.value("files_collected_total", way="shared_folder") == 1
    assert watched.value("events_total", kind="run.ended") == 1
    assert watched.run_id not in watched.metrics


def test_the_log_is_json_and_tells_of_the_run_without_its_text(watched: Watched) -> None:
    lines = [json.loads(line) for line in watched.log.splitlines()]
    own = [line for line in lines if line.get("run_id") == watched.run_id]
    assert [line["stage"] for line in own if "stage" in line][-1] == "generation"
    assert [line["status"] for line in own if "stage" not in line] == ["success"]
    assert SECRET.lower() not in watched.log.lower()


def test_the_trace_goes_from_the_caller_to_the_nodes(watched: Watched) -> None:
    spans = {span.name: span for span in watched.spans}
    way = ["POST /api/schema/pipeline/execute", "run", "stage generation", "attempt 1", "node SaveAudioMP3"]
    assert {span.trace_id.hex() for span in watched.spans} == {TRACE}
    above = [spans[name].parent_span_id.hex() for name in way]
    assert above == ["b7ad6b7169203331", *(spans[name].span_id.hex() for name in way[:-1])]
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano > 0 for span in watched.spans)
    assert SECRET not in str(watched.spans)


def test_without_its_package_a_server_says_how_to_get_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; " + RUN
    settings = {"TONEWRIGHT_OTLP_URL": "http://127.0.0.1:9", "TONEWRIGHT_EXPORTS": str(tmp_path), "PATH": ""}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.strip() == "otlp_url needs packages that are not installed: pip install 'tonewright[telemetry]'"


def test_a_server_that_sends_no_traces_does_not_read_the_package() -> None:
    code = "import cli.serve, sys; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
