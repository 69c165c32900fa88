"""The use cases of runs: accept, rerun, cancel, wait for the answer, list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from devserver.durable.idempotency import Accepted, Claim, Idempotency, KeyTaken
from devserver.durable.reading import Reading
from devserver.durable.search import Wanted
from devserver.durable.sql import Transaction
from devserver.durable.writing import NewRun
from devserver.errors import InputError, unknown_run
from devserver.files.inputs import InputFiles
from devserver.model.answer import RunDetail, links_of
from devserver.model.plan import Plan, read_plan
from devserver.model.request import ExecuteRequest
from devserver.model.rows import RunRow
from devserver.queueing.queue import MoveRequest, Queue
from devserver.runs import answer, record, rerun
from devserver.runs.answer import Answer
from devserver.runs.dispatch import Dispatcher
from devserver.runs.ended import Ended
from devserver.runs.waiting import Waiting
from devserver.stages.kind import StageKind
from devserver.stages.planning import make_plan
from devserver.stages.walk import Tools
from devserver.users.keys import Keys
from devserver.users.rights import Rights
from schemas.model import Level

if TYPE_CHECKING:
    from devserver.watching.tracing import Tracing


class Runs:
    """The use cases of a server's runs. On the loop.

    Args:
        safety_floor: the laxest safety level that anybody may ask for.
        tracing: keeps the caller's trace with a run; None where nobody wants traces.
    """

    def __init__(
        self,
        tools: Tools,
        kinds: Mapping[str, StageKind],
        *,
        keys: Keys,
        idempotency: Idempotency,
        queue: Queue,
        dispatcher: Dispatcher,
        ended: Ended,
        safety_floor: Level,
        tracing: Tracing | None,
    ) -> None:
        self._exports, self._journal, self._clock = tools.exports, tools.journal, tools.clock
        self._definitions, self._files, self._expected = tools.definitions, tools.files, tools.expected
        self._pool = tools.pool
        self._kinds, self._keys, self._idempotency, self._safety_floor = kinds, keys, idempotency, safety_floor
        self._queue, self._dispatcher, self._ended, self._tracing = queue, dispatcher, ended, tracing
        self.waiting = Waiting(tools.bus, self.has_ended, self.answer)

    @property
    def walking(self) -> int:
        """The number of unfinished runs of this process."""
        return self._dispatcher.walking

    async def accept(
        self, request: ExecuteRequest, received: Mapping[str, Any], user_id: str, headers: Mapping[str, str]
    ) -> Accepted:
        """Check a request, resolve it, keep a snapshot of it as it was `received`, and hand it on to be walked.

        Raises:
            InputError: with the field, its value and what is allowed. Nothing was started.
        """
        claim, rights = self._idempotency.claim(headers, user_id, "execute", received), self.rights(user_id)
        if found := await self._find_earlier(claim, rights):
            return found
        files = await self._files.for_viewer(self._keys.viewer(user_id), received)
        make = partial(self._plan, request, received, user_id, rights, files)
        return await self._take_on(make, claim, headers, rights)

    def _plan(
        self, request: ExecuteRequest, received: Mapping[str, Any], user_id: str, rights: Rights, files: InputFiles
    ) -> Plan:
        if "safety_level" not in request.model_fields_set:
            request = request.model_copy(update={"safety_level": rights.usual_level})
        run_id, created_at = self._exports.new_run_id(self._clock), self._clock.stamp()
        new = {"run_id": run_id, "user_id": user_id, "created_at": created_at}
        return make_plan(request, dict(received), self._definitions.catalog, files, self._kinds, **new)

    async def rerun(self, run_id: str, user_id: str, headers: Mapping[str, str]) -> Accepted:
        """Run a finished run again from its record: the same values, texts and compiled graphs."""
        row = await self._read_own(run_id, user_id)
        claim, rights = self._idempotency.claim(headers, user_id, "rerun", run_id), self.rights(user_id)
        if found := await self._find_earlier(claim, rights):
            return found
        new = {"run_id": self._exports.new_run_id(self._clock), "user_id": user_id, "created_at": self._clock.stamp()}
        plan = await self._journal.read(lambda reading: rerun.plan_again(reading, row, self._kinds, **new))
        return await self._take_on(lambda: plan, claim, headers, rights)

    def rights(self, user_id: str) -> Rights:
        """Return a user's rights now, by the key and the server's settings."""
        return self._keys.rights(user_id).with_floor(self._safety_floor)

    async def _find_earlier(self, claim: Claim | None, rights: Rights) -> Accepted | None:
        """Return the run that the same request made before, where the user may still ask for it."""
        if claim is None:
            return None
        found, plan = await self._journal.read(partial(self._find, claim))
        if plan is not None:
            rights.admit(plan)
        return found

    def _find(self, claim: Claim, reading: Reading) -> tuple[Accepted | None, Plan | None]:
        found = self._idempotency.find_run(reading.tx, claim)
        row = reading.run(found.run_id) if found is not None else None
        return found, read_plan(row.plan) if row is not None else None

    async def _take_on(
        self, make: Callable[[], Plan], claim: Claim | None, headers: Mapping[str, str], rights: Rights
    ) -> Accepted:
        plan, new = await asyncio.to_thread(self._prepare, make, rights)

        def together(tx: Transaction) -> None:
            if claim is not None:
                self._idempotency.use(tx, claim, plan.run_id)
            self._queue.check_room(tx, plan.user_id, rights.queue_limit)
            if self._tracing is not None:
                self._tracing.keep(tx, plan.run_id, headers)

        def then() -> None:
            if not self._journal.leases.shared:  # else nobody knows here who will walk it, and when it has ended
                self._expected.accept(plan)
            self._dispatcher.submit(plan.run_id)

        try:
            await self._journal.add_run(new, together, then)
        except (KeyTaken, InputError) as e:
            await asyncio.to_thread(self._exports.discard, plan.run_id)
            if isinstance(e, KeyTaken) and (found := await self._find_earlier(claim, rights)):
                return found
            raise
        return Accepted(plan.run_id, claim)

    def _prepare(self, make: Callable[[], Plan], rights: Rights) -> tuple[Plan, NewRun]:
        """Make the plan of a run that its user may have, and its folder."""
        plan = rights.admit(make())
        self._check_backends(plan.backends)
        return plan, record.prepare(self._exports, plan)

    def _check_backends(self, names: Sequence[str]) -> None:
        """Refuse the name of a backend that nobody here knows; another process may have others.

        Raises:
            InputError: there is no such backend (404).
        """
        known = self._pool.names
        for name in names:
            if name not in known and not self._journal.leases.shared:
                raise InputError("unknown_backend", status=404, field="backend", value=name, allowed=sorted(known))

    async def cancel(self, run_id: str, user_id: str) -> dict[str, Any]:
        """Ask a run to stop; the answer says whether it was still to be stopped."""
        row = await self._read_own(run_id, user_id)
        asked = await self._dispatcher.cancel(run_id)
        if not asked:
            raise InputError("run_ended", status=409, field="run_id", value=run_id, state=row.state)
        return {"run_id": run_id, "status": "cancelling", "links": links_of(run_id).as_json()}

    async def move(self, request: MoveRequest, user_id: str) -> dict[str, Any]:
        """Let a waiting run go before others."""
        await self._read_own(request.run_id, user_id)
        return await self._queue.move(request, self._keys.viewer(user_id))

    async def answer(self, run_id: str) -> Answer:
        """Return the answer of `execute` for a run, as of now."""
        ended = self._ended.answer(run_id)
        return ended if ended is not None else await self._journal.read(partial(self._answer, run_id))

    def _answer(self, run_id: str, reading: Reading) -> Answer:
        row = reading.run(run_id)
        if row is None:
            raise unknown_run(run_id)
        now = answer.answer(reading, row)
        if row.ended:
            return now
        return Answer(now.status, {**now.body, **self._queue.of_run(reading.tx, run_id).as_json()})

    async def has_ended(self, run_id: str) -> bool:
        return await self._journal.has_ended(run_id)

    async def wait(self, run_id: str, timeout_s: float) -> Answer:
        """Return the answer of a run when it has ended; as of now when the time is up or the server stops."""
        return await self.waiting.for_answer(run_id, timeout_s)

    async def detail(self, run_id: str) -> RunDetail:
        """Return everything that is known of a run.

        Raises:
            InputError: there is no such run (404).
        """
        return await self._journal.read(partial(self._detail, run_id))

    def _detail(self, run_id: str, reading: Reading) -> RunDetail:
        row = reading.run(run_id)
        if row is None:
            raise unknown_run(run_id)
        return answer.detail(reading, row, None if row.ended else self._queue.of_run(reading.tx, run_id))

    async def search(self, wanted: Wanted) -> dict[str, Any]:
        return await self._journal.read(partial(self._search, wanted))

    def _search(self, wanted: Wanted, reading: Reading) -> dict[str, Any]:
        lines = self._journal.search.find(reading.tx, replace(wanted, limit=wanted.limit + 1))
        shown = lines[: wanted.limit]
        following = shown[-1].run_id if len(lines) > wanted.limit else None
        return {"runs": [one.as_json() for one in answer.summaries(reading, shown)], "next_before": following}

    async def owner(self, run_id: str) -> str | None:
        """Return the user who started a run; None where there is no such run."""
        return await self._journal.read(lambda reading: reading.owner(run_id))

    async def _read_own(self, run_id: str, user_id: str) -> RunRow:
        row = await self._journal.run(run_id)
        if row is None or self._keys.viewer(user_id) not in (None, row.user_id):
            raise unknown_run(run_id)
        return row
