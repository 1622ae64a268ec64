"""A worker process: reads JSON lines from standard input, trains, and answers in JSON lines on standard output.

The first line is a :class:`~metanas.search.session.Hello`, answered by ``{"ready": true}`` or ``{"broken": why}``; each further one
is a job, which ends with ``{"done": true}``. The process ends with its input, even in the middle of a job.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import IO, Any


def _read(jobs: queue.SimpleQueue[dict[str, Any]], source: IO[str]) -> None:
    for line in source:
        jobs.put(json.loads(line))
    os._exit(0)  # the search is gone: so is the reason to go on computing


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # stray prints of libraries must not mix with the answers
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(jobs, sys.stdin), daemon=True).start()

    def say(message: dict[str, Any]) -> None:
        try:
            answers.write(json.dumps(message) + "\n")
            answers.flush()
        except OSError:
            os._exit(0)  # nobody listens any more

    try:
        import torch

        from metanas.search.session import Hello, Session

        torch.set_num_threads(1)
        torch.set_flush_denormal(True)  # they are slow, and no training needs them
        session = Session(Hello(**jobs.get()))
    except Exception as error:
        say({"broken": f"{type(error).__name__}: {error}"})
        return
    say({"ready": True})
    while True:
        session.do(jobs.get(), say)
        say({"done": True})


if __name__ == "__main__":
    main()
