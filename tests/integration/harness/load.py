"""Clients that ask again and again, each in a thread of its own, and how long
each answer took."""
import threading
import time


class Load:
    """asks: functions; each is called over and over, with a pause between,
    until close. A connection that has ended ends its thread too."""

    def __init__(self, asks, pause=0.01):
        self.records = []  # (when it was asked, how long it took)
        self._pause = pause
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(ask,))
                         for ask in asks]
        for thread in self._threads:
            thread.start()

    def _run(self, ask):
        while not self._over.wait(self._pause):
            started = time.monotonic()
            if ask() is None:
                return
            self.records.append((started, time.monotonic() - started))

    def spans(self, since, until):
        """Sorted, of what was asked between these moments."""
        return sorted(span for at, span in list(self.records)
                      if since <= at < until)

    def close(self):
        self._over.set()
        for thread in self._threads:
            thread.join()


def part(spans, share):
    """What that share of all stays below."""
    assert len(spans) >= 20, f"only {len(spans)} answers"
    return spans[int((len(spans) - 1) * share)]
