"""Policy requests without a pause, from several smtpds at once."""
import threading

from .attributes import Policy
from .wait import wait_until


class Load:
    """smtpds that ask without a pause, each over a connection that is kept,
    or made anew for each question. Each has a client of its own."""

    def __init__(self, path, workers=8):
        self._path = path
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.clients = [f"203.0.113.{n}" for n in range(workers)]
        self.asked_of = dict.fromkeys(self.clients, 0)
        self.failures = []
        self._threads = [
            threading.Thread(target=self._work, args=(n,))
            for n in range(workers)]
        for thread in self._threads:
            thread.start()

    def _work(self, number):
        try:
            smtpd = Policy(self._path)
            while not self._stopping.is_set():
                if number % 2:
                    smtpd.close()
                    smtpd = Policy(self._path)
                self._count(self.clients[number],
                            smtpd.rcpt(self.clients[number]))
            smtpd.close()
        except OSError as error:
            self.failures.append(repr(error))

    @property
    def asked(self):
        return sum(self.asked_of.values())

    def _count(self, client, action):
        with self._lock:
            self.asked_of[client] += 1
            if action != "DUNNO":
                self.failures.append(action)

    def wait_for(self, more):
        goal = self.asked + more
        wait_until(lambda: self.asked >= goal or self.failures, 20,
                   "the load goes on")

    def end(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        assert self.failures == []
