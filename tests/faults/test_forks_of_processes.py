"""A process that forks while its other threads write: each child can use its logs, and writes."""

import subprocess
import sys
from pathlib import Path
from typing import Final

WAITS: Final = """
import os, threading
from eventlog import os_fork

section, entered, leave, left = os_fork.Section(), threading.Event(), threading.Event(), []

def work():
    with section.lock:
        entered.set()
        leave.wait()
        left.append("left")

threading.Thread(target=work).start()
entered.wait()
os.register_at_fork(before=leave.set)  # What is registered last is called first.
if not (child := os.fork()):
    os._exit(0 if left and section.lock.acquire(blocking=False) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

BUSY: Final = """
import asyncio, os, signal, sys, threading
from eventlog import EventLog, ItemsAdded

folder, forks, patience = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def write(log):
    async def write_on():
        while True:
            await log.append("chat", ItemsAdded(["x" * 500]))
    asyncio.run(write_on())

for name in ("one", "two"):
    log = EventLog(f"{folder}/{name}.db")
    threading.Thread(target=write, args=(log,), daemon=True).start()
log = EventLog(f"{folder}/mine.db")
asyncio.run(log.append("chat", ItemsAdded(["parent"])))
for number in range(forks):
    if not (child := os.fork()):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(patience)
        status = 1
        try:
            status = 0 if asyncio.run(log.append("chat", ItemsAdded(["child"]))).last else 1
        finally:
            os._exit(status)
    if status := os.waitpid(child, 0)[1]:
        print("child", number, "ended with", status)
        break
else:
    print(asyncio.run(log.version("chat")))
sys.stdout.flush()
os._exit(0)
"""

FORKS: Final = 60


def output_of(script: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


def test_a_fork_waits_until_no_thread_is_in_a_section() -> None:
    """A lock that is held then would be held for ever in the child."""
    assert output_of(WAITS) == "0\n"


def test_a_child_writes_whatever_other_threads_do_meanwhile(tmp_path: Path) -> None:
    """SQLite has locks of its own: a child that began inside of one waited without end."""
    assert output_of(BUSY, str(tmp_path), str(FORKS), "120") == f"{1 + FORKS}\n"
