"""A benchmark that is interrupted leaves nothing running."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))

from harness.policyd import BUILD, TOP  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.workdir import workdir  # noqa: E402


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


@contextlib.contextmanager
def bench_of_mail(folder, *before):
    """Two Postfix instances of it run. before: what the command runs under."""
    said = folder / "said"
    with open(said, "wb") as output:
        bench = subprocess.Popen(
            [*before, TOP / "tests/bench/run", "--quick", "--json",
             folder / "json", "mail"], stdout=output, stderr=output,
            env={**os.environ, "TMPDIR": str(folder),
                 "TOLLGATE_BUILDDIR": str(BUILD)})
    try:
        wait_until(lambda: bench.poll() is not None or
                   len(list(folder.rglob("pid/master.pid"))) == 2,
                   120, said.read_text)
        assert bench.poll() is None, said.read_text()
        yield bench
    finally:
        bench.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_postfix_ends_with_it(number):
    with workdir() as folder:
        with bench_of_mail(folder) as bench:
            assert left_of(folder)
            bench.send_signal(number)
            assert bench.wait(60) != 0
        wait_until(lambda: not left_of(folder), 10, "all has ended")


def test_without_the_right_to_be_first():
    """Root of a container has no CAP_SYS_NICE."""
    with workdir() as folder:
        with bench_of_mail(folder, "setpriv", "--inh-caps=-sys_nice",
                           "--bounding-set=-sys_nice") as bench:
            bench.terminate()
            assert bench.wait(60) != 0
        wait_until(lambda: not left_of(folder), 10, "all has ended")
