"""Redis frozen, killed or never there: smtpd always has its answer in time,
and limits go on in this process."""
import threading
import time

import pytest

from harness.attributes import Anvil, Policy
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.wait import wait_until

IN_TIME = 0.120  # store_timeout + 20 ms


@pytest.fixture
def store(place, keep):
    return keep(RedisServer(place / "redis"))


def waits(place, client, times):
    """How long each of so many messages had to wait, and what was said."""
    spans, rates = [], []
    with Anvil(place / "anvil") as smtpd:
        for _ in range(times):
            started = time.monotonic()
            rates.append(smtpd.event("message", client)["rate"])
            spans.append(time.monotonic() - started)
    return spans, rates


def is_available(policyd):
    return policyd.metric("tollgate_store_available") == 1


def test_a_frozen_redis_delays_nobody_for_long(start, place, store):
    policyd = start(store=store.url)
    wait_until(lambda: is_available(policyd), 5, "Redis is there")
    assert waits(place, "198.51.100.1", 3)[1] == [1, 2, 3]

    store.process.freeze()
    crowd = [[] for _ in range(20)]
    threads = [threading.Thread(target=lambda out, n: out.extend(
        waits(place, f"203.0.113.{n}", 10)[0]), args=(out, n))
        for n, out in enumerate(crowd)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = sorted(span for out in crowd for span in out)
    # All but the few that the test's own threads may have held up.
    assert spans[int(len(spans) * 0.97)] < IN_TIME
    assert spans[-1] < 2 * IN_TIME
    # Once it is known, nobody waits any more.
    assert sorted(waits(place, "198.51.100.2", 50)[0])[45] < 0.005
    assert policyd.metric("tollgate_store_unavailable_decisions_total") > 0

    store.process.thaw()
    wait_until(lambda: is_available(policyd), 10, "Redis is back")
    # What was counted before stands; what was counted here is not replayed.
    assert waits(place, "198.51.100.1", 1)[1][0] in (4, 5)


def test_a_killed_redis_comes_back_empty_and_places_return(
        start, place, keep, store):
    policyd = start(store=store.url, lease_ttl="3s")
    wait_until(lambda: is_available(policyd), 5, "Redis is there")
    held = [keep(Anvil(place / "anvil")) for _ in range(2)]
    assert [smtpd.event("connect", "198.51.100.3")["count"]
            for smtpd in held] == [1, 2]
    store.process.kill()
    wait_until(lambda: not is_available(policyd), 5, "its loss is noticed")
    third = keep(Anvil(place / "anvil"))
    assert third.event("connect", "198.51.100.3")["count"] == 3
    store.start()
    wait_until(lambda: is_available(policyd), 10, "Redis is back")
    key = "tollgate:{s=smtp|c=198.51.100.3}lc"
    wait_until(lambda: "1" in store.cli("exists", key), 2,
               "the places are written again, within lease_ttl/3")
    fourth = keep(Anvil(place / "anvil"))
    assert fourth.event("connect", "198.51.100.3")["count"] == 4


def test_flushed_counters_start_again(start, place, store):
    policyd = start(store=store.url)
    wait_until(lambda: is_available(policyd), 5, "Redis is there")
    assert waits(place, "198.51.100.4", 2)[1] == [1, 2]
    store.cli("flushall")
    store.cli("script", "flush")
    assert waits(place, "198.51.100.4", 2)[1] == [1, 2]
    assert policyd.metric("tollgate_store_unavailable_decisions_total") == 0


@pytest.mark.parametrize("mode, actions", [
    ("local", ["DUNNO", "DUNNO", "450"]),
    ("accept", ["DUNNO", "DUNNO", "DUNNO"]),
    ("defer", ["451", "451", "451"])])
def test_without_any_redis_each_limit_does_as_told(
        start, place, mode, actions):
    start(store=f"redis://127.0.0.1:{free_port()}", on_store_failure=mode,
          client_limits_at="policy", client_message_rate_limit=2)
    with Policy(place / "policy") as smtpd:
        said = [smtpd.rcpt("198.51.100.5") for _ in range(3)]
    assert [action.split(" ")[0] for action in said] == actions
