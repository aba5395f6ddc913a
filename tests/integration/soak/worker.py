"""Something that goes on in a thread of its own until it is ended."""
import random
import threading


class Worker:
    """turn(dice, over) again and again; over is an Event to wait with. What
    it raises ends it, and is raised again by check()."""

    def __init__(self, turn, seed):
        self._over = threading.Event()
        self._error = None
        self._thread = threading.Thread(
            target=self._run, args=(turn, random.Random(seed)))
        self._thread.start()

    def _run(self, turn, dice):
        try:
            while not self._over.is_set():
                turn(dice, self._over)
        except BaseException as error:
            self._error = error

    def check(self):
        if self._error is not None:
            raise self._error

    def end(self):
        """Does not wait for it."""
        self._over.set()

    def close(self):
        self.end()
        self._thread.join()


class Workers:
    """Several at the same work; close() waits for them."""

    def __init__(self, workers):
        self._workers = list(workers)

    def check(self):
        for worker in self._workers:
            worker.check()

    def close(self):
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.close()
