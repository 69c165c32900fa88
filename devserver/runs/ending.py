"""The end of a walk: success, failed, blocked, cancelled; or it stops, because another process has the run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from devserver.errors import Blocked, DatabaseGone, Fenced, RunCancelled, StageError
from devserver.errors.disk import disk_trouble
from devserver.model.failure import Failure
from devserver.model.rows import RunState
from devserver.runs import record
from devserver.stages.walk import Walk

log = logging.getLogger(__name__)

End = tuple[RunState, Failure | None]


@asynccontextmanager
async def stop_when_taken_over(walk: Walk) -> AsyncIterator[None]:
    """Stop the walk where another process has taken its run over.

    What this walk wrote last into the folder may have been stale, so the record of an ended run is written once more.
    """
    run = walk.run
    try:
        yield
    except Fenced:
        await _leave(walk)
    except asyncio.CancelledError:
        if not await walk.tools.journal.leases.owns(run.run_id, run.generation):
            await _leave(walk)
        raise
    finally:
        walk.ledger.close()


async def _leave(walk: Walk) -> None:
    log.warning("%s is walked by another worker now; this walk stops", walk.run.run_id)
    await record.restore(walk.tools.journal, walk.tools.exports, walk.run.run_id)


async def walk_to_end(walk: Walk, steps: Coroutine[Any, Any, None]) -> End:
    """Walk the steps of a run until they are done or the run is cancelled; return how it ends.

    Raises:
        Fenced, DatabaseGone, OSError: this walk ends and the run does not: another process has it, or nothing can be
            written now.
    """
    try:
        await _until_cancelled(walk, steps)
    except Blocked as e:
        return "blocked", _failure_of(e)
    except RunCancelled as e:
        return "cancelled", Failure(code="cancelled", message=str(e), hint="", status=409)
    except StageError as e:
        return "failed", _failure_of(e)
    except Exception as e:  # whatever we did wrong must end the run, or its user waits for ever
        if isinstance(e, Fenced | DatabaseGone) or disk_trouble(e) is not None:
            raise
        log.exception("%s failed by our own fault", walk.run.run_id)
        message = f"{type(e).__name__}: {e}"
        hint = "This is a fault of Tonewright. The server's log has the details."
        return "failed", Failure(code="internal", message=message, hint=hint, status=500)
    return "success", None


async def _until_cancelled(walk: Walk, steps: Coroutine[Any, Any, None]) -> None:
    work = asyncio.create_task(steps)
    cancelled = asyncio.create_task(walk.cancelled.wait())
    try:
        await asyncio.wait({work, cancelled}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise RunCancelled("The run was cancelled.")
        await work
    finally:
        cancelled.cancel()
        if not work.done():
            work.cancel()  # the stages take their prompts back from the backend before they end
            await asyncio.wait({work})


def _failure_of(error: StageError) -> Failure:
    """Return the error as the answer and the record have it, with its stage."""
    return error.as_failure().model_copy(update={"stage": str(error.details.get("stage", ""))})
