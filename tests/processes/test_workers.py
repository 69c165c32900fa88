from __future__ import annotations

import os
import signal

from devserver.processes.workers import Workers
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
