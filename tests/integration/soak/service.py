"""A daemon through all its restarts: who is it now, and when was it away?

harness.policyd.Daemon knows the process that it started; here successors take
over, and are killed in their turn.
"""
import contextlib
import os
import re
import select
import signal
import time

from harness.control import asked
from harness.process import Process, has_ended, running_with
from harness.wait import wait_until

from .ledger import Span

# On a machine that has much else to do.
PATIENCE = 60


class Service:
    """outages: where the times go in which nobody may have answered."""

    def __init__(self, daemon, outages):
        self.daemon, self.outages = daemon, outages
        self.pid = daemon.process.pid
        self._started = [daemon.process]

    def _log_size(self):
        return os.path.getsize(self.daemon.process.output)

    def _said(self, since):
        with open(self.daemon.process.output, encoding="utf-8",
                  errors="replace") as file:
            file.seek(since)
            return file.read()

    def _last_words(self):
        """Without what is there by the thousand."""
        lines = self._said(max(0, self._log_size() - 10**6)).splitlines()
        return "\n".join([line for line in lines
                          if ": decision " not in line][-40:])

    def pids(self):
        """All that are there, those that finish their sessions too."""
        return running_with(self.daemon.config)

    def is_there(self):
        return not has_ended(self.pid)

    @contextlib.contextmanager
    def _outage(self):
        outage = Span(time.monotonic())
        self.outages.append(outage)
        yield
        self._start()
        outage.ended = time.monotonic()

    def _start(self):
        process = Process(self.daemon.process.argv, self.daemon.process.output)
        self._started.append(process)
        self.pid = process.pid
        self._wait_ready()

    def _wait_ready(self):
        def is_ready():
            assert self.is_there(), self._last_words()
            return self.daemon.is_ready_now()
        wait_until(is_ready, PATIENCE, lambda: f"ready:\n{self._last_words()}")

    def _end(self, number):
        # Readable when all of it has gone, its sockets too.
        end = os.pidfd_open(self.pid)
        try:
            os.kill(self.pid, number)
            ended, _, _ = select.select([end], [], [], PATIENCE)
        finally:
            os.close(end)
        assert ended, f"{self.pid} does not end:\n{self._last_words()}"
        for process in self._started:
            process.is_running()  # takes the exit status

    def kill(self):
        with self._outage():
            self._end(signal.SIGKILL)

    def stop_and_start(self):
        with self._outage():
            self._end(signal.SIGTERM)

    def hand_over(self, by_control):
        """Nobody may notice."""
        mark = self._log_size()
        if by_control:
            asked(self.daemon, "restart")
        else:
            os.kill(self.pid, signal.SIGUSR2)
        found = wait_until(
            lambda: re.search(r"successor (\d+) serves", self._said(mark)),
            PATIENCE, lambda: f"a successor:\n{self._last_words()}")
        self.pid = int(found[1])
        self._wait_ready()

    def reload(self, by_control, **options):
        before = self._reloads()
        self.daemon.write_config(**options)
        if by_control:
            asked(self.daemon, "reload")
        else:
            os.kill(self.pid, signal.SIGHUP)
        wait_until(lambda: self._reloads() > before, PATIENCE,
                   lambda: f"a reload:\n{self._last_words()}")

    def refuse_reload(self):
        """A faulty configuration changes nothing."""
        before = self.daemon.metric("tollgate_reload_failures_total")
        options = dict(self.daemon.options)
        self.daemon.write_config(client_message_rate_limit=-5)
        os.kill(self.pid, signal.SIGHUP)
        wait_until(lambda: self.daemon.metric(
            "tollgate_reload_failures_total") > before, PATIENCE,
            lambda: f"a reload that fails:\n{self._last_words()}")
        self.daemon.write_config(**options)

    def _reloads(self):
        return self.daemon.metric("tollgate_reloads_total")

    def errors(self):
        """Lines of the log that should not be there."""
        return [line for line in self._said(0).splitlines()
                if ": error: " in line
                and "the old configuration stays" not in line]

    def is_alone(self):
        """Those before it have ended, it is there."""
        return self.pids() == [self.pid]

    def close(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.close()
