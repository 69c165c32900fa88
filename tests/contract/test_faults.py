"""The suite must fail on a host with any one fault; each fault is shown to the check that is there for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from devserver.host.host import Host
from devserver.host.worker_process import WorkerProcess
from schemas.graph import Graph
from schemas.json_values import JsonObject
from tests.contract import about, listening, media, queueing, refusals, runs
from tests.contract.live import Live
from tests.contract.scenario import Check, Running
from tests.doubles.faulty_host import FAULTS
from tests.patience import PATIENCE_S

one_loop = pytest.mark.asyncio(loop_scope="module")

NOTICED_BY: dict[str, Check] = {
    "NoEndMark": runs.check_order_of_events,
    "EndMarkBeforeHistory": runs.check_history,
    "EndMarkBeforeSuccess": runs.check_order_of_events,
    "NoStart": runs.check_order_of_events,
    "NoCachedList": runs.check_cached_run,
    "ExecutedBeforeExecuting": runs.check_order_of_events,
    "ExecutedWithoutOutput": runs.check_order_of_events,
    "NoProgressState": runs.check_order_of_events,
    "NoProgress": queueing.check_progress,
    "EventsWithoutPromptId": runs.check_one_prompt_only,
    "EverybodyHearsAll": queueing.check_bystander,
    "NobodysPromptIsSilent": queueing.check_prompt_of_nobody,
    "NoQueueStatus": runs.check_order_of_events,
    "NoSid": listening.check_greeting,
    "NoCurrentNode": listening.check_coming_back,
    "WholeRunAgainOnReturn": listening.check_coming_back,
    "RunEndsWithItsClient": listening.check_run_goes_on,
    "HistoryWithoutStatus": runs.check_history,
    "HistoryWithoutMeta": runs.check_history,
    "HistoryWithoutOutputs": runs.check_named_file,
    "HistoryForgetsExtraData": runs.check_history,
    "EverythingSucceeds": runs.check_failed_run,
    "MessagesWithoutTime": runs.check_history,
    "UnknownHistoryIs404": queueing.check_history_queries,
    "HistoryOfRunningPrompt": queueing.check_queue,
    "OldestHistoryFirst": queueing.check_history_queries,
    "HistoryIsNeverDeleted": queueing.check_history_queries,
    "InterruptHitsAny": queueing.check_interrupt_of_another,
    "InterruptIsAnError": queueing.check_interrupted_run,
    "DeletedPromptGetsHistory": queueing.check_deleted_prompt,
    "NothingIsDeleted": queueing.check_deleted_prompt,
    "QueueWithoutRows": queueing.check_queue,
    "RunningIsNotCounted": queueing.check_queue,
    "RefusalWithoutNodeErrors": refusals.check_refusals,
    "RefusalInOwnWords": refusals.check_refusals,
    "AcceptsAnything": refusals.check_refusals,
    "AllOutputsOrNone": refusals.check_reason_is_given,
    "OwnPromptId": refusals.check_ids_and_numbers,
    "NumbersStandStill": runs.check_submitted,
    "CachesNothing": runs.check_cached_run,
    "CounterStandsStill": runs.check_counters,
    "OwnResultKey": runs.check_named_file,
    "FilmUnderVideo": media.check_result_keys,
    "FileNamesWithPath": runs.check_named_file,
    "RangeIgnored": media.check_view,
    "NoETag": media.check_view,
    "UnknownTypes": media.check_view,
    "MissingFileIsEmpty": media.check_view,
    "LeadingOutIsNotFound": media.check_view,
    "UploadOverwrites": media.check_uploads,
    "UploadAlwaysRenames": media.check_uploads,
    "MissingClass": about.check_classes,
    "OtherDefaults": about.check_classes,
    "StatsWithoutDevices": about.check_system_stats,
    "NoFeatures": listening.check_feature_flags,
    "AnyOrigin": about.check_pages_from_elsewhere,
    "NoApiPrefix": about.check_plain_answers,
}


class OneWorkerForAll(WorkerProcess):
    """Hosts come and go; the worker stays, unless it still runs what a host left behind."""

    busy = False

    async def run(
        self, prompt_id: str, graph: Graph, extra_data: JsonObject, outputs: list[str]
    ) -> AsyncIterator[tuple[str, JsonObject]]:
        self.busy = True
        async for event in super().run(prompt_id, graph, extra_data, outputs):
            yield event
        self.busy = False

    async def stop(self) -> None:
        if self.busy:
            await super().stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Path, WorkerProcess]]:
    base = tmp_path_factory.mktemp("faulty")
    shared = OneWorkerForAll("embedded", base)
    yield base, shared
    await WorkerProcess.stop(shared)


@asynccontextmanager
async def listening_host(
    kind: type[Host], base: Path, worker: WorkerProcess, patience_seconds: float = 3.0
) -> AsyncIterator[Running]:
    host = kind("embedded", base)
    host.worker = worker
    runner = web.AppRunner(host.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield Running(Live(f"http://127.0.0.1:{runner.addresses[0][1]}", session, patience_seconds), {})
    finally:
        await runner.cleanup()


def test_every_fault_has_its_check() -> None:
    assert set(NOTICED_BY) == set(FAULTS)


@one_loop
@pytest.mark.parametrize("name", NOTICED_BY)
async def test_fault_is_noticed(name: str, worker: tuple[Path, WorkerProcess]) -> None:
    async with listening_host(FAULTS[name], *worker) as subject:
        # A record without the expected keys is as good a sign as a wrong value.
        with pytest.raises((AssertionError, LookupError, TypeError, ValueError)):
            await NOTICED_BY[name](subject)


@one_loop
async def test_host_without_fault_passes_the_same_way(worker: tuple[Path, WorkerProcess]) -> None:
    """So it is the fault that is noticed, not the way in which these hosts are started."""
    async with listening_host(Host, *worker, patience_seconds=PATIENCE_S) as subject:
        for check in (runs.check_order_of_events, queueing.check_queue, media.check_uploads):
            await check(subject)
