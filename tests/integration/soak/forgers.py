"""Attackers at the port that only the proxy may come to."""
import contextlib

from proxy_lab.attack import HEADERS, WAYS, attack, v1, v2

from .site import PROXY
from .worker import Worker, Workers

FORGERS = 3
FORGED = {**HEADERS, "v1-this-proxy": lambda: v1(PROXY),
          "v2-this-proxy": lambda: v2(PROXY),
          "v2-modest": lambda: v2("127.0.51.1")}


class _Here:
    """In place of a network of several hosts."""

    @staticmethod
    def inside(_host):
        return contextlib.nullcontext()


class Forgers(Workers):
    """believed: [(header, way, what they were told)] of those who got as far
    as a message."""

    def __init__(self, site, seed):
        self._site = site
        self.sessions = 0
        self.believed = []
        super().__init__(Worker(self._turn, seed + 200 + i)
                         for i in range(FORGERS))

    def _turn(self, dice, over):
        over.wait(dice.uniform(0, 0.5))
        header, way = dice.choice([*FORGED]), dice.choice([*WAYS])
        with contextlib.suppress(OSError):  # no connection
            self._judge(header, way, attack(
                _Here, self._site.direct, header, way, headers=FORGED))

    def _judge(self, header, way, said):
        self.sessions += 1
        if b"queued as" in said or b"\n354 " in said:
            self.believed.append((header, way, said))
