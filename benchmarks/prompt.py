"""How long it takes to read a prompt: every golden prompt, many times, and one text as long as the server takes."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, process_time

import yaml

from benchmarks.numbers import ms, p50, p99, spread
from benchmarks.row import Bench, Row
from devserver.nodes.prompting.complete import parse_text

PROMPTS = Path(__file__).parents[1] / "tests" / "nodes" / "prompting"
LONGEST_CHARACTERS = 10_000


async def measure(bench: Bench) -> list[Row]:
    """Milliseconds for each prompt: as the clock has it, and as the processor worked (others may share it)."""
    texts = [
        prompt["text"] for file in sorted(PROMPTS.glob("*.yaml")) for prompt in yaml.safe_load(file.read_text("utf8"))
    ]
    started_s = process_time()
    parse_text("")
    first_s = process_time() - started_s
    clock, work = [], []
    for text in texts * bench.count(20, 1):
        started = perf_counter(), process_time()
        parse_text(text).as_json()
        clock.append(perf_counter() - started[0])
        work.append(process_time() - started[1])
    long_text = " ".join(texts * 2)[:LONGEST_CHARACTERS]
    started_s = process_time()
    parse_text(long_text)
    long_s = process_time() - started_s
    told = f"{spread(clock)} by the clock, {spread(work)} of processor; {len(long_text)} characters: {ms(long_s)}"
    return [
        Row(
            f"reading a prompt, {len(texts)} of them",
            f"{told}; the first one, which loads the words: {ms(first_s)}",
            figures={"p50_s": p50(clock), "p99_s": p99(clock), "longest_s": long_s, "first_s": first_s},
        )
    ]
