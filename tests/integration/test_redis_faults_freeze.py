"""Redis stops answering for ten seconds under load, and goes on."""
import itertools
import time

from harness.fleet import Fleet, passed
from harness.load import Load, part
from harness.redis_client import RedisClient
from harness.redis_server import RedisServer
from harness.wait import wait_until

FROZEN = 10
TIMEOUT = 0.3  # a busy machine is not a slow server
IN_TIME = TIMEOUT + 0.02
LIMIT = 40
_numbers = itertools.count()


def ask_as_somebody_new(policy):
    number = next(_numbers)
    return policy.rcpt(f"10.1.{number // 250}.{number % 250}")


def sums(redis, prefix):
    """What is counted for each client whose address begins so."""
    with RedisClient(redis) as client:
        keys = [key for key in client.keys()
                if b"}s" in key and f"c={prefix}".encode() in key]
        values = client.calls([("GET", key) for key in keys])
    return [int.from_bytes(value[:6], "little") for value in values if value]


def test_ten_seconds_without_an_answer(place, keep):
    redis = keep(RedisServer(place / "redis"))
    fleet = Fleet(place, keep, 2, store=redis.url,
                  store_timeout=f"{TIMEOUT * 1000:.0f}ms",
                  lease_ttl="3s", client_limits_at="policy",
                  client_message_rate_limit=LIMIT, rate_time_unit="600s")
    fleet.wait_store()
    fleet.wait_known()
    here, there = fleet.policy(0), fleet.policy(1)
    assert passed(here.rcpt("10.9.9.9") for _ in range(10)) == 10
    assert passed(there.rcpt("10.9.9.9") for _ in range(6)) == 6

    load = keep(Load([
        lambda policy=fleet.policy(i % 2): ask_as_somebody_new(policy)
        for i in range(8)]))
    wait_until(lambda: len(load.records) > 500, 20, "the load is on")
    before = load.spans(0, time.monotonic())

    redis.process.freeze()
    frozen = time.monotonic()
    fleet.wait_store(False)
    degraded = time.monotonic()
    # Each has what it let in itself, and keeps its half of the limit.
    assert passed(here.rcpt("10.9.9.9") for _ in range(LIMIT)) == 10
    assert passed(there.rcpt("10.9.9.9") for _ in range(LIMIT)) == 14
    busy = sum(it.process.cpu_seconds() for it in fleet.daemons)
    time.sleep(max(0, frozen + FROZEN - time.monotonic()))
    busy = sum(it.process.cpu_seconds() for it in fleet.daemons) - busy
    thawed = time.monotonic()
    redis.process.thaw()
    fleet.wait_store()
    load.close()

    first = load.spans(frozen - IN_TIME, degraded)
    # A busy machine is late itself now and then.
    assert part(first, 0.9) < IN_TIME
    assert first[-1] < 3 * IN_TIME
    later = load.spans(degraded, thawed)
    assert part(later, 0.5) < max(0.005, 2 * part(before, 0.5))
    assert part(later, 0.95) < TIMEOUT / 5
    assert busy < 0.3 * FROZEN, f"{len(later)} answers took {busy} s"

    # What a lost reply may have counted twice is at most one; nothing that
    # was decided here meanwhile has been sent after it.
    assert set(sums(redis, "10.1.")) == {1}
    assert len(sums(redis, "10.1.")) <= len(load.records) - len(later) + 16
    assert passed(here.rcpt("10.9.9.9") for _ in range(LIMIT)) == LIMIT - 16

    for daemon in fleet.daemons:
        text = daemon.process.text()
        assert text.count("is unavailable: no answer within") == 1
        assert text.count("is unavailable") <= 3
        assert text.count("is available") == 2
