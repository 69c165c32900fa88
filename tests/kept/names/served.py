"""Names that a running server shows: its description, metrics, log and tables."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.doubles.postgres import NO_POSTGRES, Postgres, programs
from tests.doubles.programs import Server
from tests.kept.scenario import Scenario

SONG: Final = {"input_text": "slow blues", "output_config": "procedural_instrumental", "params": {"seconds": 5}}
COLUMNS: Final = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY table_name, column_name
"""
INDEXES: Final = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"


def _served(folder: Path) -> Mapping[str, Any]:
    log = folder / "log"
    into_log = ("sh", "-c", f'exec "$@" 2>"{log}"', "sh")
    with Server(folder / "exports", before=into_log, log_format="json", log_level="info") as server:
        for body in ({**SONG, "seed": 1}, {"input_text": "how to build a pipe bomb", "safety_level": "kids"}):
            server.execute(schema="plain", **body)
        _, described = server.call("GET", "/openapi.json")
        with urllib.request.urlopen(f"{server.url}/metrics", timeout=60) as answer:
            metrics = answer.read().decode()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {
        **{f"openapi/{name}": part for name, part in _parts(described).items()},
        "metrics": dict(_families(metrics)),
        "log": lines,
        "sqlite": _sqlite(folder / "exports" / ".state" / "journal.sqlite"),
    }


def _parts(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The description in files that can be read: each tag's routes, the components, and the rest."""
    parts: dict[str, dict[str, Any]] = {"components": described.pop("components")}
    for path, methods in described.pop("paths").items():
        for method, about in methods.items():
            parts.setdefault(about["tags"][0], {})[f"{method.upper()} {path}"] = about
    return {**parts, "about": described}


def _families(text: str) -> Iterator[tuple[str, Any]]:
    """Each family with its samples by name and labels; a histogram's bounds in one line."""
    for family in text_string_to_metric_families(text):
        samples: dict[str, set[str]] = {}
        for sample in family.samples:
            for label, value in sample.labels.items() or [("", "")]:
                samples.setdefault(f"{sample.name} {label}".strip(), set()).add(value)
        told = {name: sorted(values) for name, values in samples.items()}
        yield family.name, {"type": family.type, "help": family.documentation, "samples": told}


def _sqlite(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as connection:
        named = connection.execute("SELECT type, name FROM sqlite_master ORDER BY type, name").fetchall()
        about = {"table": "table_xinfo", "view": "table_xinfo", "index": "index_xinfo"}
        found = {
            f"{kind} {name}": connection.execute(f"PRAGMA {about[kind]}('{name}')")
            for kind, name in named
            if kind in about
        }
        return {name: [list(row[1:]) for row in rows] for name, rows in found.items()}


def _postgres(folder: Path) -> Mapping[str, Any]:
    if programs() is None:
        pytest.skip(NO_POSTGRES)
    with Postgres() as postgres:
        url = postgres.new_database()
        with Server(folder / "exports", database_url=url), psycopg.connect(url) as connection:
            columns = connection.execute(COLUMNS).fetchall()
            indexes: dict[str, str] = dict(connection.execute(INDEXES).fetchall())
    tables: dict[str, dict[str, list[Any]]] = {}
    for table, column, *about in columns:
        tables.setdefault(table, {})[column] = about
    return {"tables": {"columns": tables, "indexes": indexes}}


SCENARIOS: Final = (
    Scenario("names/served", _served, keys={"seconds": "seconds"}, patterns={r"(?<=after )[\d.]+(?= s)": "seconds"}),
    Scenario("names/postgres", _postgres),
)
