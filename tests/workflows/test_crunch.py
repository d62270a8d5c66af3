"""The process that computes ends when its owner says so, and not with a key at the terminal."""

from __future__ import annotations

import os
import signal
import time

from server.workflows.crunch import ProcessCruncher


def test_an_interrupt_at_the_terminal_is_its_owners_to_handle() -> None:
    cruncher = ProcessCruncher()
    cruncher._ready()
    process = cruncher._process
    assert process is not None
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    time.sleep(1.0)
    assert process.is_alive()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    cruncher.close()
