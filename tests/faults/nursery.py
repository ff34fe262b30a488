"""A process that has imported the log once and forks children that use it: a kill costs little.

Run as a program it serves its parent over the socket that it finds as its standard input.
"""

import contextlib
import importlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Self

_DONE: Final = "done"


PATIENCE: Final = 60.0
"""Seconds that a child may live: whoever waits for its output waits no longer."""


class Child(NamedTuple):
    """A forked process and what it writes to its standard output."""

    pid: int
    output: Any
    end: threading.Timer

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def lines(self) -> list[str]:
        """Wait until the child is gone; return its whole lines. Fails if it failed by itself."""
        text = self.output.read()
        self.output.close()
        self.end.cancel()
        lines = text.split("\n")[:-1]
        assert "Traceback" not in text, text
        return [line for line in lines if line != _DONE]


class Nursery:
    """Forks children that call a function of an importable module."""

    def __enter__(self) -> Self:
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.faults.nursery"]
        self._process = subprocess.Popen(command, stdin=theirs.fileno())
        theirs.close()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()
        self._process.wait(30)

    def prepare(self, function: Callable[..., object], *args: object) -> None:
        """Call a function here, before the forks: the children find what it leaves."""
        self._socket.send(pickle.dumps((function, args)))
        assert self._socket.recv(20) == b"0"

    def fork(self, function: Callable[..., object], *args: object) -> Child:
        reading, writing = os.pipe()
        socket.send_fds(self._socket, [pickle.dumps((function, args))], [writing])
        os.close(writing)
        pid = int(self._socket.recv(20))
        end = threading.Timer(PATIENCE, os.kill, (pid, signal.SIGKILL))
        end.start()
        return Child(pid, os.fdopen(reading), end)


def _serve(parent: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for the children.
    while True:
        call, files, _, _ = socket.recv_fds(parent, 65536, 1)
        if not call:
            return
        if not files:
            function, args = pickle.loads(call)
            function(*args)
            parent.send(b"0")
            continue
        pid = os.fork()
        if pid == 0:
            parent.close()
            _run(call, files[0])
        os.close(files[0])
        parent.send(str(pid).encode())


def _run(call: bytes, output: int) -> None:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(output, 1)
        os.close(output)
        function, args = pickle.loads(call)
        function(*args)
        print(_DONE, flush=True)
        status = 0
    except BaseException:  # noqa: BLE001 - told to whoever reads the output
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    importlib.import_module("tests.faults.children")
    _serve(socket.socket(fileno=0))
