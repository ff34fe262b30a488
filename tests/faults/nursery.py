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
from typing import Final, Self

from tests import distributing
from tests.waiting import PATIENCE

_DONE: Final = "done"


class Child:
    """A forked process and what it writes to its standard output. Ends with its block.

    Lives PATIENCE seconds at most: whoever waits for its output waits no longer.
    """

    def __init__(self, pid: int, output: int) -> None:
        self._pid = pid
        self._output = os.fdopen(output)
        self._said = ""
        self._end = threading.Timer(PATIENCE, self.kill)
        self._end.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end.cancel()
        if not self._output.closed:
            self.kill()
            self._output.close()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def wait_for_a_line(self) -> str:
        """Return the next line, which is among `lines()` too; an empty one if there is none."""
        line = self._output.readline()
        self._said += line
        return line

    def lines(self) -> list[str]:
        """Wait until the child is gone; return its whole lines. Fails if it failed by itself."""
        self._said += self._output.read()
        self._output.close()
        self._end.cancel()
        assert "Traceback" not in self._said, self._said
        return [line for line in self._said.split("\n")[:-1] if line != _DONE]


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
        self._process.kill()
        self._process.wait()

    def prepare(self, function: Callable[..., object], *args: object) -> None:
        """Call a function here, before the forks: the children find what it leaves."""
        self._socket.send(pickle.dumps((function, args)))
        assert self._socket.recv(20) == b"0"

    def fork(self, function: Callable[..., object], *args: object) -> Child:
        reading, writing = os.pipe()
        socket.send_fds(self._socket, [pickle.dumps((function, args))], [writing])
        os.close(writing)
        return Child(int(self._socket.recv(20)), reading)


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
    distributing.distribute_every_log()
    _serve(socket.socket(fileno=0))
