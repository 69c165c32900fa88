from __future__ import annotations

import os
import signal
import time

import pytest

from devserver.processes.workers import Workers, WorkerTimedOut
from tests.patience import PATIENCE_S


def test_a_worker_that_dies_while_idle_is_replaced_and_its_pipes_are_closed() -> None:
    workers = Workers(1)
    try:
        first = workers.submit(os.getpid).result(PATIENCE_S)
        (dead,) = workers._idle
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        assert workers.submit(os.getpid).result(PATIENCE_S) != first
        assert [pipe.closed for pipe in (dead.process.stdin, dead.process.stdout) if pipe] == [True, True]
        assert len(workers.pids) == 1
    finally:
        workers.close()


def test_a_job_that_takes_too_long_ends_with_its_worker_and_the_next_one_is_done() -> None:
    workers = Workers(1)
    try:
        with pytest.raises(WorkerTimedOut):
            workers.submit(time.sleep, 10 * PATIENCE_S, limit_s=0.1).result(PATIENCE_S)
        assert workers.pids == []
        assert workers.submit(os.getpid, limit_s=10 * PATIENCE_S).result(PATIENCE_S) == workers.pids[0]
    finally:
        workers.close()
