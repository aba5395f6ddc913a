"""smtpd processes without an smtpd: connections and messages of a few
clients, through daemons that may be gone at any moment."""
import random
import threading
import time

from harness.attributes import Anvil

REFUSED = 2147483647
CLIENTS = [f"192.0.2.{i}" for i in range(1, 5)]


class Traffic:
    """Runs until close. daemons: functions that give the socket to ask and
    the DaemonLife of whoever is there now."""

    def __init__(self, ledger, daemons, seed, threads=8):
        self.asked = self.refused = 0
        self._ledger, self._daemons = ledger, daemons
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed + i),))
            for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, dice):
        while not self._over.wait(dice.uniform(0, 0.06)):
            try:
                self._session(dice)
            # Nobody there, gone before the greeting, or no answer any more.
            except (OSError, AssertionError):
                self._over.wait(0.1)

    def _session(self, dice):
        path, life = dice.choice(self._daemons)()
        client = dice.choice(CLIENTS)
        with Anvil(path, timeout=20) as smtpd:
            asked, count = self._ask(smtpd, "connect", client)
            answered = time.monotonic()
            try:
                if count["count"] != REFUSED:
                    self._messages(dice, smtpd, client)
            finally:
                ended = time.monotonic()
                if count["count"] != REFUSED:
                    self._ledger.holds.append(
                        (client, asked, answered, ended, life))
            # Some say good-bye, others just go.
            if dice.random() < 0.7:
                self._ask(smtpd, "disconnect", client)

    def _messages(self, dice, smtpd, client):
        for _ in range(dice.randrange(4)):
            asked, count = self._ask(smtpd, "message", client)
            if count["rate"] != REFUSED:
                self._ledger.units.append((client, asked, time.monotonic()))
            self._over.wait(dice.uniform(0, 0.1))

    def _ask(self, smtpd, request, client):
        asked = time.monotonic()
        said = smtpd.event(request, client)
        if said is None:
            raise ConnectionError
        self.asked += 1
        self.refused += REFUSED in said.values()
        return asked, said

    def close(self):
        self._over.set()
        for thread in self._threads:
            thread.join()
