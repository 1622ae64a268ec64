"""One worker process, as the search that started it sees it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from metanas.machine import ONE_THREAD

Heard = queue.SimpleQueue[tuple["WorkerProcess", dict[str, Any] | None]]
"""Who said something, and what; None is the last of a process."""


class WorkerProcess:
    """An interpreter that serves (see :mod:`metanas.search.worker`), and the thread that reads what it says.

    Args:
        hello: what it is told first.
        heard: where the thread puts what it says.
    """

    def __init__(self, hello: dict[str, Any], heard: Heard) -> None:
        self.ready = False
        """Whether it has said that it is."""
        self.process = subprocess.Popen(
            # -P: a file of the user's in the current folder must not stand in for a module of that name.
            [sys.executable, "-P", "-m", "metanas.search.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            start_new_session=True,  # Ctrl-C reaches the search alone, which then decides
        )
        self._thread = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self._thread.start()
        self.say(hello)

    def _listen(self, heard: Heard) -> None:
        assert self.process.stdout is not None
        with suppress(ValueError, OSError):  # a line cut off by the death of the process, or a pipe closed behind its back
            for line in self.process.stdout:
                heard.put((self, json.loads(line)))
        heard.put((self, None))

    def say(self, message: dict[str, Any]) -> None:
        """Send a message; that a process has died is heard from the thread."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def end(self) -> str:
        """Kill the process, unless it has ended, and wait for it; says in words how it ended."""
        self.process.kill()
        code = self.process.wait()
        self._thread.join(timeout=1.0)
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()
        return ending(code)


def ending(code: int) -> str:
    """How a process ended, from its exit code (minus the signal's number if a signal ended it)."""
    if code == -signal.SIGKILL:
        return "was killed, most likely for lack of memory"
    return f"crashed with signal {-code}" if code < 0 else f"ended with exit code {code}"
