"""What was let through, and the most that might have been.

The promise: N in any window. The stated loss: a Redis that starts empty has
forgotten N; a daemon that decided without Redis had its share of N, by the
number of daemons that it had seen last, or all of N if it had seen none since
its start (doc/architecture.md, "When Redis is away").
"""
import bisect
import dataclasses
import math


@dataclasses.dataclass
class Life:
    """Of a process. Times are those of one monotonic clock."""
    began: float
    ended: float = math.inf

    def overlaps(self, since, until):
        return self.began <= until and since <= self.ended


@dataclasses.dataclass
class Sample:
    """A look at a daemon's metrics."""
    asked: float
    answered: float
    alone: int  # decisions made without the store, since its start
    known: int  # daemons that serve, as it had seen them last


@dataclasses.dataclass
class DaemonLife(Life):
    samples: list = dataclasses.field(default_factory=list)

    def share(self, limit, since, until):
        """What it may have let in by itself in that time; 0 if it had no
        need to, as far as that can be told."""
        if not self.overlaps(since, until):
            return 0
        before = bisect.bisect_left(
            self.samples, since, key=lambda it: it.answered) - 1
        after = bisect.bisect_right(
            self.samples, until, key=lambda it: it.asked)
        alone = self.samples[before].alone if before >= 0 else 0
        if after < len(self.samples) and self.samples[after].alone == alone:
            return 0
        if before < 0:
            return limit
        known = min(it.known for it in self.samples[before:after + 1])
        return max(1, limit // known)


class Ledger:
    """Filled by several threads: lists are only ever appended to."""

    def __init__(self):
        self.redis = []    # Life
        self.daemons = []  # DaemonLife
        self.units = []    # (client, asked, answered): let in
        self.holds = []    # (client, asked, answered, ended, its daemon's Life)

    def allowed(self, limit, since, until):
        return limit * sum(it.overlaps(since, until) for it in self.redis) + \
            sum(it.share(limit, since, until) for it in self.daemons)

    def overruns(self, limit, window):
        """[(client, since, units, allowed)]: what cannot be. Only units that
        lie in the window for certain are counted."""
        found = []
        for client, units in _by_client(self.units):
            units.sort()
            answered = sorted(unit[1] for unit in units)
            for index, (since, _) in enumerate(units):
                # Answered in time, without those that were asked before.
                count = bisect.bisect_right(answered, since + window) - index
                if count > limit:
                    self._judge(found, client, limit, since, since + window,
                                count)
        return found

    def crowds(self, limit, longest):
        """The same for what was open at once, as far as it was let in not
        longer ago than that."""
        found = []
        for client, holds in _by_client(self.holds):
            spans = sorted((answered, min(ended, life.ended))
                           for _, answered, ended, life in holds)
            begins = [span[0] for span in spans]
            for index, (now, _) in enumerate(spans):
                first = bisect.bisect_left(begins, now - longest)
                count = sum(end > now for _, end in spans[first:index + 1])
                if count > limit:
                    # It was asked for a little earlier than it was answered.
                    self._judge(found, client, limit, now - longest - 1, now,
                                count)
        return found

    def _judge(self, found, client, limit, since, until, count):
        allowed = self.allowed(limit, since, until)
        if count > allowed:
            found.append((client, since, count, allowed))


def _by_client(rows):
    clients = {}
    for client, *rest in rows:
        clients.setdefault(client, []).append(tuple(rest))
    return clients.items()
