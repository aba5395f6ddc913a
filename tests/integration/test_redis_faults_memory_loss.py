"""Redis loses what it knew: counting goes on, and places are written again."""
import itertools
import time

import pytest

from harness.fleet import Fleet, passed
from harness.load import Load
from harness.redis_client import RedisClient
from harness.redis_server import RedisServer
from harness.wait import slowness, wait_until

LEASE_TTL = 6
RENEWED = LEASE_TTL / 3 + 2  # and a busy machine
LIMIT = 5
# What doc/architecture.md says that a counter costs in Redis.
KEY_BYTES = 400
_numbers = itertools.count()

SECTIONS = [
    ("limit", "day", {"at": "policy", "event": "recipient", "rate": "500/1d",
                      "key": ["client"]}),
    ("limit", "anvil-like", {"at": "policy", "event": "message",
                             "rate": "1000/60s", "window": "fixed",
                             "key": ["sender"]})]


@pytest.fixture(scope="module")
def redis(places, keeps):
    return keeps(RedisServer(places / "redis"))


@pytest.fixture(scope="module")
def fleet(places, keeps, redis):
    fleet = Fleet(places, keeps, 2, sections=SECTIONS, store=redis.url,
                  # A busy machine is not a slow server.
                  store_timeout="1s", lease_ttl=f"{LEASE_TTL}s",
                  client_limits_at="policy", client_message_rate_limit=LIMIT)
    fleet.wait_store()
    return fleet


@pytest.fixture
def load(fleet, keep):
    """Messages and connections of ever new clients, at both daemons."""
    def message(policy):
        number = next(_numbers)
        return policy.rcpt(f"10.2.{number // 250 % 250}.{number % 250}",
                           sender=f"{number}@client.example")

    def connection(anvil):
        number = next(_numbers)
        client = f"10.3.{number // 250 % 250}.{number % 250}"
        anvil.event("connect", client)
        return anvil.event("disconnect", client)
    return keep(Load(
        [lambda it=fleet.policy(i): message(it) for i in range(2)] +
        [lambda it=fleet.anvil(i): connection(it) for i in range(2)]))


def undecided(fleet):
    return sum(daemon.metric("tollgate_store_unavailable_decisions_total")
               for daemon in fleet.daemons)


def held(fleet, client, count):
    """That many connections of this client, half of them at each daemon."""
    said = [fleet.anvil(i % 2).event("connect", client)["count"]
            for i in range(count)]
    assert said == list(range(1, count + 1))


def wait_held(redis, client, daemons, timeout):
    """Until its lease is there again, of so many daemons."""
    with RedisClient(redis) as look:
        wait_until(lambda: look.call(
            "STRLEN", f"tollgate:{{s=smtp|c={client}}}lC") == 18 * daemons,
            timeout, "the places are written again")


def test_killed_and_restarted_empty(fleet, redis, load, client):
    held(fleet, client, 4)
    here = fleet.policy(0)
    assert passed(here.rcpt(client) for _ in range(9)) == LIMIT
    redis.process.kill()
    fleet.wait_store(False)
    # Here it is full already; the other one has a share of its own.
    assert passed(here.rcpt(client) for _ in range(3)) == 0
    assert passed(fleet.policy(1).rcpt(client) for _ in range(9)) == LIMIT // 2
    redis.start()
    started = time.monotonic()
    fleet.wait_store()
    assert time.monotonic() - started < 4 * slowness()  # 1 s
    wait_held(redis, client, 2, RENEWED)
    assert passed(here.rcpt(client) for _ in range(9)) == LIMIT
    assert fleet.anvil(0).event("connect", client)["count"] == 5


def test_flushed_under_load(fleet, redis, load, client):
    held(fleet, client, 4)
    here = fleet.policy(0)
    assert passed(here.rcpt(client) for _ in range(9)) == LIMIT
    before = undecided(fleet)
    redis.cli("flushall")
    flushed = time.monotonic()
    wait_until(lambda: here.rcpt(client) == "DUNNO", 4,
               "who was refused is counted anew, within 1 s")
    wait_held(redis, client, 2, flushed + RENEWED - time.monotonic())
    assert undecided(fleet) == before


def test_scripts_flushed_under_load(fleet, redis, load, client):
    here = fleet.policy(0)
    before = undecided(fleet)
    asked = 0
    for _ in range(20):
        redis.cli("script", "flush")
        asked += 3
        assert passed(here.rcpt(client) for _ in range(3)) in range(4)
    assert asked > LIMIT
    with RedisClient(redis) as look:
        key = next(key for key in look.keys()
                   if f"c={client}}}s".encode() in key and b"day" not in key)
        assert look.call("GET", key)[:6] == LIMIT.to_bytes(6, "little")
    assert undecided(fleet) == before


COUNTERS = {b"s", b"f", b"l"}  # the others are one a daemon, or one for all


def kind_of(key):
    return key.rsplit(b"}", 1)[1][:1]


def test_every_key_of_a_busy_server_will_end(fleet, redis, load):
    held(fleet, "10.8.8.8", 2)
    wait_until(lambda: len(load.records) > 1000, 20, "the server is busy")
    with RedisClient(redis) as look:
        keys = look.keys()
        lives = look.calls([("PTTL", key) for key in keys])
        counters = [key for key in keys if kind_of(key) in COUNTERS]
        sizes = look.calls([("MEMORY", "USAGE", key) for key in counters])
    assert {kind_of(key) for key in counters} == COUNTERS
    assert len(keys) > 500
    # -2: it has ended since it was found.
    assert [key for key, life in zip(keys, lives) if life == -1] == []
    assert max(lives) <= 1.1 * 86400 * 1000
    assert max(size for size in sizes if size) <= KEY_BYTES
