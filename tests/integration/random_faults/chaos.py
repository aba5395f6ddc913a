"""Kills, freezes and starts again, at random; and watches the daemons."""
import collections
import contextlib
import threading
import time

from random_faults.ledger import DaemonLife, Life, Sample

# Shorter than lease_ttl less its third, so that a frozen Redis forgets none.
FREEZE_MAX = 1.5


class Chaos:
    """Knows who lives since when; act() does one thing."""

    def __init__(self, ledger, redis, fleet, dice):
        self._ledger, self._redis, self._fleet = ledger, redis, fleet
        self._dice = dice
        self._lives = [DaemonLife(0.0) for _ in fleet.daemons]
        ledger.redis.append(Life(0.0))
        ledger.daemons += self._lives
        self.acts = collections.Counter()

    def whereabouts(self, index):
        """What Traffic asks for; the life first, for it may end any time."""
        def where():
            life = self._lives[index]
            return self._fleet.anvil_path(index), life
        return where

    def act(self):
        acts = [self._kill_daemon, self._kill_redis, self._freeze_redis,
                self._forget_scripts, self._kill_both]
        act = self._dice.choices(acts, [6, 5, 4, 2, 3])[0]
        self.acts[act.__name__.strip("_")] += 1
        act()

    def _kill_daemon(self):
        index = self._dice.randrange(len(self._lives))
        daemon = self._fleet.daemons[index]
        daemon.kill()
        self._lives[index].ended = time.monotonic()
        self._wait(0.5)
        life = DaemonLife(time.monotonic())
        self._ledger.daemons.append(life)
        self._lives[index] = life
        daemon.start()

    @contextlib.contextmanager
    def _no_redis(self):
        self._redis.process.kill()
        self._ledger.redis[-1].ended = time.monotonic()
        yield
        self._ledger.redis.append(Life(time.monotonic()))
        self._redis.start()

    def _kill_redis(self):
        with self._no_redis():
            self._wait(2)

    def _freeze_redis(self):
        self._redis.process.freeze()
        self._wait(FREEZE_MAX)
        self._redis.process.thaw()

    def _forget_scripts(self):
        self._redis.cli("script", "flush")

    def _kill_both(self):
        with self._no_redis():
            self._kill_daemon()

    def _wait(self, at_most):
        time.sleep(self._dice.uniform(0, at_most))

    def sample(self):
        """One look at each daemon that answers."""
        for index, daemon in enumerate(self._fleet.daemons):
            life, asked = self._lives[index], time.monotonic()
            page = daemon.get("/metrics")[1]
            # Another one may have answered than the life that was meant.
            if page and life is self._lives[index] and \
                    asked >= life.began and life.ended > time.monotonic():
                life.samples.append(Sample(
                    asked, time.monotonic(),
                    _number(page, "tollgate_store_unavailable_decisions_total "),
                    _number(page,
                            'tollgate_instances_serving{face="anvil"} ')))


def _number(page, name):
    return int(page.split("\n" + name)[1].split("\n")[0])


class Watcher:
    """Samples a few times a second, until close."""

    def __init__(self, chaos, interval=0.3):
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run,
                                        args=(chaos, interval))
        self._thread.start()

    def _run(self, chaos, interval):
        while not self._over.wait(interval):
            chaos.sample()

    def close(self):
        self._over.set()
        self._thread.join()
