"""Twenty minutes in the life of a mail host: see tests/integration/soak.

Short by default; TOLLGATE_SOAK_SECONDS says how long, TOLLGATE_SOAK_SEED which
schedule. The mail is accounted for exactly, and what is left in the end is
what there was in the beginning.
"""
import os
import random
import time

import pytest

from harness.wait import wait_until
from soak.chaos import DaemonChaos, RedisChaos
from soak.forgers import Forgers
from soak.gauge import held, is_counter, redis_lives, size_of
from soak.ledger import Certificate, Handshake, Ledger, Sent, Span
from soak.senders import Senders
from soak.service import Service
from soak.site import LEASE_TTL, UNIT, Site, count_box
from soak.worker import Worker

SECONDS = float(os.environ.get("TOLLGATE_SOAK_SECONDS", 12))
SEED = int(os.environ.get("TOLLGATE_SOAK_SEED", random.randrange(10**6)))
# The last part is without restarts, so that who is there then stays.
RESTARTS, WARM = 0.5 * SECONDS, 0.75 * SECONDS
# KiB. policyd remembers each message of the last hour in 64 bytes, found through
# 2 MiB that are touched here and there: all of it only after thousands.
GROWTH_MAX = 1024
GROWTH_SECONDS = 60


class Soak:
    def __init__(self, place, keep):
        self.site, self.ledger = Site(place, keep), Ledger()
        self.services = [
            keep(Service(daemon, self.ledger.outages[daemon.section]))
            for daemon in (self.site.policyd, self.site.milter)]
        self.fresh, self.warm = self.sizes(), None  # if it was long enough
        self.senders = keep(Senders(self.site, self.ledger, SEED))
        self.forgers = keep(Forgers(self.site, SEED))
        self.redis_chaos = RedisChaos(self.site.redis)
        self.redis_worker = keep(Worker(self.redis_chaos, SEED + 300))
        self.chaos = DaemonChaos(self.site, self.ledger, self.services,
                                 random.Random(SEED))

    def sizes(self):
        return [size_of(service.pid) for service in self.services]

    def run(self):
        dice, began = random.Random(SEED + 400), time.monotonic()
        while (now := time.monotonic() - began) < SECONDS:
            if now < RESTARTS:
                outages = self.redis_chaos.outages()
            # What an outage takes once it has taken by then.
            elif now > WARM and self.warm is None and \
                    SECONDS >= GROWTH_SECONDS and \
                    self.redis_chaos.outages() > outages + 1:
                self.warm = self.sizes()
            self.chaos.act(restarts=now < RESTARTS)
            time.sleep(dice.uniform(0.2, 3))
            for worker in (self.senders, self.forgers, self.redis_worker):
                worker.check()

    def end(self):
        """Of the traffic; returns when all mail has been delivered."""
        for worker in (self.redis_worker, self.forgers, self.senders):
            worker.close()
            worker.check()
        wait_until(lambda: self.site.postfix.queued() == [], 60,
                   "the queue is empty")

    def told(self):
        acts = {**self.chaos.acts, **self.redis_chaos.acts}
        return (f"{dict(sorted(acts.items()))}; {dict(self.ledger.fates())}, "
                f"{self.forgers.sessions} forged sessions, "
                f"{len(self.ledger.handshakes)} handshakes")


def test_soak(place, keep, is_sanitized):
    print("seed", SEED)  # shown if it fails
    soak = Soak(place, keep)
    soak.run()
    soak.end()
    print(soak.told())

    delivered, foreign = soak.site.delivered()
    assert soak.ledger.faults(delivered) == []
    assert (foreign, soak.forgers.believed) == (0, [])
    assert [service.errors() for service in soak.services] == [[], []]
    judge_what_is_left(soak.site)
    busy = soak.sizes()
    soak.site.postfix.stop()
    judge_sizes(soak, busy, is_sanitized)
    # It was no idle play.
    fates = soak.ledger.fates()
    assert fates["taken"] > 3 * SECONDS and fates["refused"] > SECONDS
    assert soak.forgers.sessions > SECONDS
    assert len(soak.ledger.handshakes) > SECONDS / 2


def judge_what_is_left(site):
    """In Redis: what says who is there, and nothing that stays for ever."""
    daemons = (site.policyd, site.milter)

    def counters():
        return [key for key in redis_lives(site.redis) if is_counter(key)]

    wait_until(lambda: held(redis_lives(site.redis)) == [], LEASE_TTL + 20,
               lambda: f"leases return to zero: {counters()}")
    wait_until(lambda: counters() == [], 2 * UNIT + 20,
               lambda: f"counters return to zero: {counters()}")
    # Redis may have lost everything just before the end.
    lives = wait_until(lambda: redis_lives(site.redis), LEASE_TTL + 20,
                       "the daemons say that they are there")
    assert all(life >= 0 for life in lives.values()), lives
    assert [it.metric("tollgate_leases") for it in daemons] == [0, 0]
    wait_until(lambda: [it.metric("tollgate_instances")
                        for it in daemons] == [2, 2], LEASE_TTL + 20,
               "the dead are forgotten")


def judge_sizes(soak, busy, is_sanitized):
    """When Postfix has gone too, and its connections with it."""
    for service in soak.services:
        wait_until(service.is_alone, 30, f"{service.pids()} is one")
    fresh = [size.descriptors for size in soak.fresh]
    wait_until(lambda: all(size.descriptors <= at_first for size, at_first
                           in zip(soak.sizes(), fresh)),
               20, lambda: f"{fresh} descriptors: {soak.sizes()}")
    print("fresh", soak.fresh, "warm", soak.warm, "in the end", busy)
    if soak.warm and not is_sanitized:
        for warm, end in zip(soak.warm, busy):
            assert end.kib < warm.kib + GROWTH_MAX


TO = ("user0@test.example", "user1@test.example")
AWAY = Span(20, 21)


def faults(delivered=(), *, handshakes=(), **sent):
    ledger = Ledger()
    ledger.outages["policyd"].append(AWAY)
    ledger.certificates = [Certificate(0, 10, "old"), Certificate(9.5, 99, "new")]
    ledger.handshakes = handshakes
    if sent:
        ledger.sent.append(Sent(**{
            "began": 1, "ended": 2, "name": "m1", "step": ".", "code": "250",
            "recipients": TO, "is_modest": True, **sent}))
    return [what for what, _ in ledger.faults(dict(delivered))]


ONCE = {("m1", to): 1 for to in TO}
REFUSED = {"step": "RCPT", "code": "450", "recipients": ()}


@pytest.mark.parametrize("expected, delivered, sent", [
    ([], ONCE, {"code": "250"}),
    (["lost"], {("m1", TO[0]): 1}, {"code": "250"}),
    (["doubled"], {**ONCE, ("m1", TO[1]): 2}, {"code": "250"}),
    (["not sent"], {**ONCE, ("m2", TO[0]): 1}, {"code": "250"}),
    (["not sent"], ONCE, {"code": "250", "recipients": TO[:1]}),
    (["odd"], {}, {"step": "DATA", "code": "250"}),
    ([], {}, {**REFUSED, "is_modest": False}),
    (["refused"], {}, REFUSED),
    ([], {}, {**REFUSED, "ended": 20.5}),
    (["not sent"], {("m1", TO[0]): 1}, {**REFUSED, "is_modest": False,
                                        "recipients": TO}),
    (["cut"], {}, {"step": "DATA", "code": "", "is_modest": False}),
    ([], {}, {"step": "DATA", "code": "", "ended": 20.5}),
    (["unknown"], {}, {"code": "", "ended": 20.5}),
    (["unknown"], ONCE, {"code": "", "ended": 20.5})])
def test_the_judge_of_mail(expected, delivered, sent):
    found = faults(delivered, **sent)
    assert [*dict.fromkeys(found)] == expected


@pytest.mark.parametrize("expected, shaken", [
    ([], Handshake(8, 9, "name", "old")),
    ([], Handshake(9, 9.8, "name", "new")),
    ([], Handshake(9, 11, "name", "old")),
    (["stale certificate"], Handshake(10.5, 11, "name", "old")),
    (["stale certificate"], Handshake(8, 9, "name", "new")),
    ([], Handshake(10.5, 11, None, "old")),
    (["no handshake"], Handshake(10.5, 11, None, None)),
    ([], Handshake(10.5, 20.5, "name", None))])
def test_the_judge_of_handshakes(expected, shaken):
    assert faults(handshakes=[shaken]) == expected


def test_the_box_is_counted(place):
    """As virtual(8) writes it."""
    one = ("From a@b Sat Nov 21\nX-Original-To: {0}\nDelivered-To: {0}\n"
           "{1}\n\n>From the soak test\n\n")
    (place / "box").write_text(
        one.format(TO[0], "X-Soak: m1") * 2 + one.format(TO[1], "X-Soak: m1")
        + one.format(TO[0], "Subject: forged"))
    assert count_box(place / "box") == (
        {("m1", TO[0]): 2, ("m1", TO[1]): 1}, 1)
