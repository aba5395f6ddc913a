"""The network between a daemon and its Redis is cut, mute or slow: mail has
its answers in time, the daemon idles, and comes back by itself."""
import contextlib
import itertools
import time

import pytest

from harness.fleet import Fleet, passed
from harness.load import Load, part
from harness.redis_server import RedisServer
from harness.slow_proxy import SlowProxy
from harness.wait import wait_until
from proxy_lab.network import Network, ipv4

IN_TIME = 0.120  # store_timeout + 20 ms
LIMIT = 6
BUSY = 0.15  # of the processor, while almost nobody asks
# The silence of a dead connection, a refused attempt and its pause: see
# redis/connection.h.
BACK = 5 + 1 + 1 + 3

_numbers = itertools.count()


def fleet_of_one(directory, keep, store, **more):
    return Fleet(directory, keep, 1, store=store, store_timeout="100ms",
                 client_limits_at="policy", client_message_rate_limit=LIMIT,
                 rate_time_unit="600s", **more)


def some_load(fleet):
    """A little, so that what the daemon does by itself can be seen."""
    def ask(policy):
        number = next(_numbers)
        return policy.rcpt(f"10.4.{number // 250 % 250}.{number % 250}")
    return Load([lambda it=fleet.policy(0): ask(it) for _ in range(4)], 0.04)


def suffer(fleet, client, begin, end, seconds=2):
    """Through one fault: answers in time, limits, no spin, no flood of
    lines."""
    daemon, policy = fleet.daemons[0], fleet.policy(0)
    assert passed(policy.rcpt(client) for _ in range(2)) == 2
    with contextlib.closing(some_load(fleet)) as load:
        wait_until(lambda: len(load.records) > 30, 5, "the load is on")
        lines = daemon.process.text().count("\n")
        begun = time.monotonic()
        begin()
        fleet.wait_store(False)
        open_at = time.monotonic()
        assert passed(policy.rcpt(client) for _ in range(LIMIT)) == LIMIT - 2
        busy = daemon.process.cpu_seconds()
        settled = time.monotonic()
        time.sleep(seconds)
        busy = daemon.process.cpu_seconds() - busy
        ended = time.monotonic()
    end()
    fleet.wait_store(timeout=BACK)
    spans = load.spans(begun - IN_TIME, open_at)
    assert not spans or spans[-1] < 5 * IN_TIME
    later = load.spans(settled, ended)
    before = load.spans(0, begun)
    assert part(later, 0.5) < max(0.005, 2 * part(before, 0.5))
    assert part(later, 0.9) < max(IN_TIME / 2, 2 * part(before, 0.9))
    assert busy < BUSY * (ended - settled)
    said = daemon.process.text().splitlines()[lines:]
    assert sum("unavailable" in line for line in said) in range(1, 5), said
    assert fleet.policy(0).rcpt(client) == "DUNNO"


@pytest.fixture
def redis(place, keep):
    return keep(RedisServer(place / "redis"))


@pytest.mark.parametrize("fault", ["hole", "delay 300", "drip"])
def test_a_slow_or_mute_connection(place, keep, redis, client, fault):
    proxy = keep(SlowProxy(redis.port))
    fleet = fleet_of_one(place, keep, f"redis://127.0.0.1:{proxy.port}")
    fleet.wait_store()
    suffer(fleet, client, lambda: proxy.set(fault), lambda: proxy.set("pass"))


FIN_WAIT_1 = "04"


def tcp_states(pid):
    """Of all connections in this process's network, as Linux numbers them."""
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        return [line.split()[3] for line in table.readlines()[1:]]


class _Inside(Fleet):
    """Whoever asks for its metrics has to be in its namespace."""

    def __init__(self, network, *arguments, **more):
        with network.inside("mail"):
            super().__init__(*arguments, before=network.command("mail"),
                             **more)
        for daemon in self.daemons:
            get = daemon.get
            def get_there(path, get=get):
                with network.inside("mail"):
                    return get(path)
            daemon.get = get_there


def test_the_link_is_down(place, keep, client):
    network = keep(Network())
    redis = keep(RedisServer(
        place / "redis", "--protected-mode", "no", address=ipv4("nginx"),
        before=network.command("nginx")))
    fleet = _Inside(network, place, keep, 1, store=redis.url,
                    store_timeout="100ms", client_limits_at="policy",
                    client_message_rate_limit=LIMIT, rate_time_unit="600s")
    fleet.wait_store()

    def mend():
        # What was given up unsent does not come after us now.
        assert FIN_WAIT_1 not in tcp_states(fleet.daemons[0].process.pid)
        network.set_link("nginx", "up")
    # Longer than a dead connection is kept, so that it is dialled in vain.
    suffer(fleet, client, lambda: network.set_link("nginx", "down"), mend,
           seconds=6)
