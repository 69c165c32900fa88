"""How long it takes to read a prompt: every golden prompt, many times, and one text as long as the server takes."""

from __future__ import annotations

from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time

import yaml

from devserver.nodes.prompting.complete import parse_text

PROMPTS = Path(__file__).parents[1] / "tests" / "nodes" / "prompting"
LONGEST_CHARACTERS = 10_000


def measure(rounds: int = 20) -> str:
    """Milliseconds for each prompt: as the clock has it, and as the processor worked (others may share it)."""
    texts = [
        prompt["text"] for file in sorted(PROMPTS.glob("*.yaml")) for prompt in yaml.safe_load(file.read_text("utf8"))
    ]
    clock, work = [], []
    for text in texts * rounds:
        started = perf_counter(), process_time()
        parse_text(text).as_json()
        clock.append(perf_counter() - started[0])
        work.append(process_time() - started[1])
    long_text = " ".join(texts * 2)[:LONGEST_CHARACTERS]
    started_s = process_time()
    parse_text(long_text)
    long_ms = (process_time() - started_s) * 1e3
    return (
        f"reading a prompt, {len(clock)} times: {_told(clock)} by the clock, {_told(work)} of processor time;"
        f" a text of {len(long_text)} characters: {long_ms:.0f} ms"
    )


def _told(seconds: list[float]) -> str:
    return f"median {median(seconds) * 1e3:.2f} ms, p99 {quantiles(seconds, n=100)[-1] * 1e3:.2f} ms"


if __name__ == "__main__":
    print(measure())
