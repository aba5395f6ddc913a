"""Four daemons, random traffic, random deaths of daemons and Redis: never
more than N and the stated loss, and nothing is left over at the end.

Short by default; TOLLGATE_RANDOM_SECONDS says how long, TOLLGATE_RANDOM_SEED
which schedule.
"""
import os
import random
import time

import pytest

from harness.fleet import Fleet
from harness.redis_client import RedisClient
from harness.redis_server import RedisServer
from harness.wait import wait_until
from random_faults.chaos import Chaos, Watcher
from random_faults.ledger import DaemonLife, Ledger, Life, Sample
from random_faults.traffic import CLIENTS, REFUSED, Traffic

SECONDS = float(os.environ.get("TOLLGATE_RANDOM_SECONDS", 8))
SEED = int(os.environ.get("TOLLGATE_RANDOM_SEED", random.randrange(10**6)))
WINDOW, MESSAGES, CONNECTIONS = 2, 12, 3
LEASE_TTL = 4
LONGEST = 0.5  # that a session of Traffic lasts


def is_free(daemon, client):
    """All of the client's limit is there."""
    with daemon() as smtpd:
        return all(smtpd.event("message", client)["rate"] != REFUSED
                   for _ in range(MESSAGES))


def held(redis):
    """The leases of connections in Redis."""
    with RedisClient(redis) as look:
        return [key for key in look.keys()
                if b"}l" in key and b"{instances}" not in key]


def test_random_deaths(place, keep):
    print("seed", SEED)  # shown if it fails
    dice, ledger = random.Random(SEED), Ledger()
    redis = keep(RedisServer(place / "redis"))
    fleet = Fleet(place, keep, 4, store=redis.unix_url, store_timeout="300ms",
                  lease_ttl=f"{LEASE_TTL}s", client_limits_at="anvil",
                  client_message_rate_limit=MESSAGES,
                  client_connection_count_limit=CONNECTIONS,
                  rate_time_unit=f"{WINDOW}s")
    fleet.wait_store()
    fleet.wait_known()
    chaos = Chaos(ledger, redis, fleet, dice)
    watcher = keep(Watcher(chaos))
    traffic = keep(Traffic(
        ledger, [chaos.whereabouts(i) for i in range(4)], SEED))
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        chaos.act()
        # Windows that saw no fault are judged to the unit.
        calm = dice.random() < 0.4
        time.sleep(dice.uniform(3, 4.5) if calm else dice.uniform(0, 2))
    fleet.wait_store()
    traffic.close()
    watcher.close()

    wait_until(lambda: held(redis) == [], LEASE_TTL + 5,
               lambda: f"leases return to zero: {held(redis)}")
    assert [it.metric("tollgate_leases") for it in fleet.daemons] == [0] * 4
    assert ledger.overruns(MESSAGES, WINDOW) == []
    assert ledger.crowds(CONNECTIONS, LONGEST) == []
    # It was no idle play.
    print(f"{dict(chaos.acts)}; {traffic.asked} asked, {traffic.refused} refused, "
          f"{len(ledger.units)} messages, {len(ledger.holds)} connections")
    assert len(ledger.units) > SECONDS * 5
    assert traffic.refused > SECONDS
    # Nobody is left waiting for longer than a window.
    time.sleep(WINDOW + WINDOW / 16 + 0.1)
    for client in CLIENTS:
        assert is_free(lambda: fleet.anvil(dice.randrange(4)), client)


def ledger_of(times, *, redis=((0, 99),), samples=((1, 0, 4), (50, 0, 4))):
    ledger = Ledger()
    ledger.redis = [Life(*span) for span in redis]
    ledger.daemons = [DaemonLife(0, 99, [Sample(at, at, alone, known)
                                         for at, alone, known in samples])]
    ledger.units = [("c", at, at + 0.01) for at in times]
    ledger.holds = [("c", at, at, at + 3, Life(0)) for at in times]
    return ledger


@pytest.mark.parametrize("count, is_good, more", [
    (MESSAGES, True, {}),
    (MESSAGES + 1, False, {}),
    (2 * MESSAGES, True, {"redis": ((0, 11), (11, 99))}),
    (2 * MESSAGES + 1, False, {"redis": ((0, 11), (11, 99))}),
    (2 * MESSAGES, False, {"redis": ((0, 9), (9, 99))}),
    (MESSAGES + 3, True, {"samples": ((1, 0, 4), (50, 1, 4))}),
    (MESSAGES + 4, False, {"samples": ((1, 0, 4), (50, 1, 4))}),
    (MESSAGES + 4, False, {"samples": ((1, 0, 4), (5, 1, 4), (50, 1, 4))}),
    (2 * MESSAGES, True, {"samples": ((11.9, 1, 4), (50, 1, 4))})])
def test_the_judge(count, is_good, more):
    """All of them in one window that begins at 10."""
    ledger = ledger_of([10 + i / 18 for i in range(count)], **more)
    assert (ledger.overruns(MESSAGES, WINDOW) == []) is is_good
    if "redis" not in more:  # of crowds other spans are looked at
        assert (ledger.crowds(MESSAGES, 1.5) == []) is is_good
