"""The other side of ``nursery``: has the program in memory, and forks a server for each line."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

import server.app
import server.cli.serve
import server.workflows  # noqa: F401
from server.__main__ import main as serve

from .process import HOST


def _serve(port: int, log: str) -> None:
    """Be the server, in a child; does not return."""
    code = 1
    try:
        os.setsid()
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, written), (2, written)):
            os.dup2(source, target)
        sys.argv = ["folkmoot", "serve", "--host", HOST, "--port", str(port)]
        serve()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(code)


def _reap() -> None:
    """Let what was killed go: a process that nobody waits for stays as a zombie."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def main() -> None:
    """Fork a server for each line on standard input."""
    if threading.active_count() != 1:
        sys.exit("importing the program started a thread: it cannot be forked")
    signal.signal(signal.SIGCHLD, lambda *_: _reap())
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(asked["port"], asked["log"])
        print(child, flush=True)


if __name__ == "__main__":
    main()
