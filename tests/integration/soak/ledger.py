"""What senders were told, what was delivered, and whether that fits.

A message is delivered once to each recipient that was accepted, if its sender
was told 250 in the end; else it is not delivered at all. One whose connection ends
between the final dot and the reply may have become either, and is a fault:
nobody here restarts Postfix or the proxy.
"""
import collections
import dataclasses
import math


@dataclasses.dataclass
class Span:
    """Times are those of one monotonic clock."""
    began: float
    ended: float = math.inf

    def meets(self, other):
        return self.began <= other.ended and other.began <= self.ended


@dataclasses.dataclass
class Sent(Span):
    """began: when its session was opened, ended: when it was told the code,
    which is "" if the connection ended."""
    name: str = ""
    step: str = ""
    code: str = ""
    recipients: tuple = ()  # those that were accepted
    is_modest: bool = False  # far below all limits

    @property
    def fate(self):
        if self.code[:1] in ("4", "5"):
            return "refused"
        if self.code == "":
            return "unknown" if self.step == "." else "cut"
        return "taken" if (self.step, self.code) == (".", "250") else "odd"


@dataclasses.dataclass
class Handshake(Span):
    """fingerprint: None if it failed."""
    name: str = None
    fingerprint: str = None


@dataclasses.dataclass
class Certificate(Span):
    """began: when it was written, ended: when the next one was in force."""
    fingerprint: str = ""


class Ledger:
    """Filled by several threads: lists are only ever appended to."""

    def __init__(self):
        self.sent = []
        self.handshakes = []
        self.certificates = []
        self.outages = {"policyd": [], "milter": []}  # Spans

    def fates(self):
        return collections.Counter(one.fate for one in self.sent)

    def _is_excused(self, one, *daemons):
        return any(one.meets(outage)
                   for daemon in daemons for outage in self.outages[daemon])

    def faults(self, delivered):
        """[(what, of what)], from {(name, recipient): how often}."""
        found = [("doubled", key) for key, count in delivered.items()
                 if count > 1]
        allowed = set()
        for one in self.sent:
            keys = {(one.name, to) for to in one.recipients}
            if one.fate == "taken":
                found += [("lost", key) for key in keys - delivered.keys()]
            if one.fate in ("taken", "unknown"):
                allowed |= keys
            if one.fate in ("odd", "unknown"):
                found.append((one.fate, one))
            elif one.fate == "cut" or \
                    (one.is_modest and one.fate == "refused"):
                if not self._is_excused(one, "policyd", "milter"):
                    found.append((one.fate, one))
        found += [("not sent", key) for key in delivered.keys() - allowed]
        return found + self._tls_faults()

    def _tls_faults(self):
        """An smtpd cannot ask a policyd that is dead for a certificate."""
        found = []
        for one in self.handshakes:
            if self._is_excused(one, "policyd"):
                continue
            if one.fingerprint is None:
                found.append(("no handshake", one))
            elif one.name and not any(
                    one.fingerprint == served.fingerprint and one.meets(served)
                    for served in self.certificates):
                found.append(("stale certificate", one))
        return found
