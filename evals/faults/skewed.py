"""``python -m evals.faults.skewed SECONDS …``: the program with a clock that is ahead.

Every module sees the wrong time, as on a machine whose clock is wrong; what passes is as ever.
"""

from __future__ import annotations

import runpy
import sys
import time


def main() -> None:
    """Set the clock ahead and run the program with the other arguments."""
    ahead = float(sys.argv.pop(1))
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + ahead
    time.time_ns = lambda: nanoseconds() + round(ahead * 1e9)
    runpy.run_module("server", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
