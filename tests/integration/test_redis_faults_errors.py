"""Redis answers, but cannot serve: each trouble is one clear line, nobody
waits, it is tried again at a measured pace, and all is well when it is over."""
import contextlib
import itertools
import subprocess
import time

import pytest

from harness.fleet import Fleet, passed
from harness.ports import free_port
from harness.redis_client import RedisClient
from harness.redis_server import RedisServer
from harness.scripted_redis import ScriptedRedis
from harness.wait import wait_until

LIMIT = 4
SECONDS = 1.5  # how long each trouble lasts
BUSY = 0.15  # of the processor
PASSWORD, WRONG = "fifteen men on", "the dead man's chest"

_numbers = itertools.count(1)


def fleet_of_one(directory, keep, store, **more):
    return Fleet(directory, keep, 1, store=store, store_timeout="200ms",
                 client_limits_at="policy", client_message_rate_limit=LIMIT,
                 rate_time_unit="600s", **more)


def calm_in_trouble(fleet, text, client):
    """It says what is wrong, once; it limits here; it does not spin."""
    daemon, policy = fleet.daemons[0], fleet.policy(0)
    daemon.process.wait_output(text)
    wait_until(lambda: not daemon.has_store(), 5, "the store is given up")
    assert 'tollgate_store_breaker{state="closed"} 0\n' in \
        daemon.get("/metrics")[1]
    assert passed(policy.rcpt(client) for _ in range(9)) == LIMIT
    busy = daemon.process.cpu_seconds()
    until = time.monotonic() + SECONDS
    spans = []
    while time.monotonic() < until:
        started = time.monotonic()
        policy.rcpt(f"10.5.0.{next(_numbers) % 250}")
        spans.append(time.monotonic() - started)
        time.sleep(0.02)
    assert sorted(spans)[len(spans) // 2] < 0.05  # store_timeout is 0.2
    assert daemon.process.cpu_seconds() - busy < BUSY * SECONDS
    assert sum(text in line for line in
               daemon.process.text().splitlines()) == 1


@pytest.fixture(scope="module")
def redis(places, keeps):
    return keeps(RedisServer(places / "redis"))


@pytest.fixture(scope="module")
def fleet(places, keeps, redis):
    return fleet_of_one(places, keeps, redis.url)


@contextlib.contextmanager
def replica(redis):
    redis.cli("replicaof", "127.0.0.1", free_port())
    yield
    redis.cli("replicaof", "no", "one")


@contextlib.contextmanager
def full(redis):
    redis.cli("config", "set", "maxmemory", "1")
    yield
    redis.cli("config", "set", "maxmemory", "0")


@contextlib.contextmanager
def busy(redis):
    redis.cli("config", "set", "lua-time-limit", "20")
    loop = subprocess.Popen(
        ["redis-cli", "-s", redis.socket, "eval", "while true do end", "0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        redis.cli("script", "kill")
    finally:
        loop.kill()
        loop.wait()


@pytest.mark.parametrize("trouble, text", [
    (replica, "is unavailable: READONLY"), (full, "is unavailable: OOM"),
    (busy, "is unavailable: BUSY")])
def test_a_server_that_cannot_serve(fleet, redis, client, trouble, text):
    fleet.wait_store()
    policy = fleet.policy(0)
    made, begun = connections(redis), time.monotonic()
    with trouble(redis):
        # The next charge notices.
        wait_until(lambda: policy.rcpt(f"10.6.0.{next(_numbers) % 250}") and
                   text in fleet.daemons[0].process.text(), 5, text)
        calm_in_trouble(fleet, text, client)
    fleet.wait_store()
    # Ours, once or twice a second; redis-cli's own, and our looks: fewer than
    # five.
    tries = 3 + 2 * (time.monotonic() - begun)
    assert connections(redis) - made < tries + 5
    # Counted here, and never sent after: there it is new.
    assert passed(policy.rcpt(client) for _ in range(9)) == LIMIT


def connections(redis):
    text = redis.cli("info", "stats")
    return int(text.split("total_connections_received:")[1].split()[0])


def test_loading(place, keep, client):
    redis = keep(RedisServer(
        place / "redis", "--loading-process-events-interval-bytes", 1024,
        "--key-load-delay", 300, "--rdbcompression", "no"))
    with RedisClient(redis) as look:
        look.calls([("SET", f"somebody's:{i}", "x" * 50, "PX", 600000)
                    for i in range(14000)])
        look.call("SAVE")
    fleet = fleet_of_one(place, keep, redis.url)
    fleet.wait_store()
    redis.process.kill()
    redis.process.start()
    calm_in_trouble(fleet, "LOADING", client)
    redis.wait_ready()
    fleet.wait_store(timeout=20)
    assert fleet.policy(0).rcpt(client) == "DUNNO"


def test_a_wrong_password(place, keep, client):
    redis = keep(RedisServer(place / "redis"))
    redis.cli("config", "set", "requirepass", PASSWORD)
    fleet = fleet_of_one(place, keep, redis.url, store_password=WRONG)
    calm_in_trouble(fleet, "is unavailable: AUTH refused: WRONGPASS", client)
    with RedisClient(redis) as look:
        look.call("AUTH", PASSWORD)
        made, begun = look.call("INFO", "stats"), time.monotonic()
        time.sleep(1)
        seconds = time.monotonic() - begun
        again = look.call("INFO", "stats")
        look.call("CONFIG", "SET", "requirepass", WRONG)
    number = [int(text.split(b"total_connections_received:")[1].split()[0])
              for text in (made, again)]
    assert number[1] - number[0] < 3 + 2 * seconds
    fleet.wait_store()
    text = fleet.daemons[0].process.text()
    assert PASSWORD not in text and WRONG not in text


GOOD = b"*4\r\n" + b":1\r\n" * 4  # to the heartbeat
MALFORMED = {
    "junk": b"HTTP/1.0 400 Bad Request\r\n\r\n",
    "endless": b"$999999999\r\n",
    "negative": b"*-7\r\n",
    "deep": b"*1\r\n" * 100,
    "many": b"*99999999\r\n",
    "binary": bytes(range(128, 256)) * 8,
    "unasked": b":1\r\n" * 3,
    "text": b"+a\x1b[31m status\r\n",
    "nothing": b"$-1\r\n",
    "too few": b"*2\r\n:1\r\n:2\r\n",
    "negative counts": b"*4\r\n:-5\r\n:-6\r\n:-7\r\n:-8\r\n",
    "words": b"*4\r\n+a\r\n+b\r\n+c\r\n+d\r\n",
    "an error": b"-WHAT \x1b]0;is this\x07\r\n",
    "half": b"*4\r\n:1\r\n+",
    "the end": None,
}


def test_malformed_replies(place, keep):
    """Each of them to several daemons, in any order; all survive it."""
    server = keep(ScriptedRedis(itertools.cycle(MALFORMED.values())))
    fleet = Fleet(place, keep, 4, store=server.url, store_timeout="200ms",
                  client_limits_at="policy", client_message_rate_limit=LIMIT)
    began = time.monotonic()
    busy = [daemon.process.cpu_seconds() for daemon in fleet.daemons]
    policies = [fleet.policy(i) for i in range(4)]
    while server.calls < 2 * len(MALFORMED):
        assert time.monotonic() < began + 60, "it is tried again and again"
        time.sleep(0.05)
        assert passed(it.rcpt(f"10.7.0.{next(_numbers) % 250}")
                      for it in policies) == 4
    seconds = time.monotonic() - began
    for daemon, before in zip(fleet.daemons, busy):
        assert daemon.process.cpu_seconds() - before < BUSY * seconds + 0.2
        text = daemon.process.text()
        assert "is available" not in text
        assert text.count("is unavailable") in range(2, 6 + int(seconds / 2))
        assert "\x1b" not in text
    # At first every 50 ms, at last every second; a probe is two calls.
    assert server.connections < 4 * (2 * seconds + 10)
    assert server.calls < 2 * 4 * (2 * seconds + 10)
    server.say = itertools.repeat(GOOD)
    fleet.wait_store()


def test_each_answer_is_to_the_question_before(place, keep, client):
    """Every probe would be late for ever, but for a new connection."""
    server = keep(ScriptedRedis(itertools.chain([b""], itertools.repeat(GOOD))))
    fleet = fleet_of_one(place, keep, server.url)
    fleet.wait_store(timeout=15)
    assert server.connections == 2
