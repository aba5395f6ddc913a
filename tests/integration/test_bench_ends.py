"""A benchmark that is interrupted leaves nothing running."""
import os
import signal
import subprocess

import pytest

from harness.policyd import BUILD, TOP
from harness.wait import wait_until
from harness.workdir import workdir


def left_of(folder):
    """Processes that have the folder in their command line or work in it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().decode(errors="replace")
            directory = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if str(folder) in command + directory:
            found.append((int(pid), command))
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_postfix_ends_with_it(number):
    with workdir() as folder:
        bench = subprocess.Popen(
            [TOP / "tests/bench/run", "--quick", "--json", folder / "json",
             "mail"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(folder),
                 "TOLLGATE_BUILDDIR": str(BUILD)})
        try:
            wait_until(lambda: len(list(folder.rglob("pid/master.pid"))) == 2,
                       120, "both Postfix instances run")
            assert left_of(folder)
            bench.send_signal(number)
            assert bench.wait(60) != 0
        finally:
            bench.kill()
        wait_until(lambda: not left_of(folder), 10, "all has ended")
