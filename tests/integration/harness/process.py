"""A program in the foreground, its output in a file, ended for certain."""
import os
import signal
import subprocess
import time

from .wait import wait_until


# Before a command: it sees no process but its own.
OWN_PIDS = ["unshare", "--pid", "--fork"]


def _state(pid):
    """Its state, as a letter, and its group. Who is gone is as a zombie is, of
    no group; it may go at any moment."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii",
                  errors="replace") as file:
            state, _, group = file.read().rsplit(")", 1)[1].split()[:3]
            return state, int(group)
    except (FileNotFoundError, ProcessLookupError):
        return "Z", 0


def has_ended(pid):
    """Gone, or only waited for by its parent."""
    return _state(pid)[0] == "Z"


def group_has_ended(group):
    """All processes of it."""
    return not any(its_group == group and state != "Z" for state, its_group in
                   map(_state, filter(str.isdigit, os.listdir("/proc"))))


def running_with(word):
    """Pids of all in whose command line it stands."""
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit()
            and str(word).encode() in _command_line(pid)]


def _command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


class Process:
    """argv runs at once. Output of a second start is appended."""

    def __init__(self, argv, output, env=None):
        self.argv = [str(arg) for arg in argv]
        self.output = output
        self.env = {**os.environ, **(env or {})}
        self._child = None
        self.start()

    def start(self):
        assert not self.is_running()
        with open(self.output, "ab") as output:
            self._child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, env=self.env)

    @property
    def pid(self):
        return self._child.pid

    def is_running(self):
        return self._child is not None and self._child.poll() is None

    def cpu_seconds(self):
        """What it has used of the processor, since it was started."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return file.read()

    def resident_kib(self):
        return next(int(line.split()[1]) for line in self.status().splitlines()
                    if line.startswith("VmRSS"))

    def text(self):
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def signal(self, number):
        self._child.send_signal(number)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def wait_exit(self, timeout=10):
        wait_until(lambda: not self.is_running(), timeout,
                   lambda: f"{self.argv[0]} ends:\n{self.text()}")
        return self._child.returncode

    def terminate(self, timeout=30):
        """TERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def kill(self):
        """KILL, as a crash is; returns when the kernel has cleaned up."""
        within = self._own_pids_first()
        self.signal(signal.SIGKILL)
        self._child.wait()
        for pid in within:
            os.kill(pid, signal.SIGKILL)

    def _own_pids_first(self):
        """With OWN_PIDS: the first process there, whose end is that of all.
        (unshare's --kill-child is forgotten when a daemon becomes another
        user.)"""
        if self.argv[:len(OWN_PIDS)] != OWN_PIDS:
            return []
        with open(f"/proc/{self.pid}/task/{self.pid}/children",
                  encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def wait_output(self, text, timeout=10):
        wait_until(lambda: text in self.text(), timeout,
                   lambda: f"{text!r} in the output:\n{self.text()}")

    def close(self):
        """For fixtures: whatever state it is in, it is gone afterwards."""
        if self.is_running():
            self.thaw()
            if os.environ.get("TOLLGATE_END_GENTLY"):
                self._end_gently()
            self.kill()

    def _end_gently(self):
        """So that it writes down what it ran: see ./check --coverage."""
        for _ in range(20):
            if not self.is_running():
                return
            self.signal(signal.SIGTERM)
            time.sleep(0.1)
