"""Redis behind Sentinels: the master is found, followed through a failover,
and never mistaken for a replica; clocks may differ."""
import threading
import time

import pytest

from harness.attributes import Anvil
from harness.ports import free_port
from harness.redis_sentinel import NAME, Watched
from harness.redis_server import server_version
from harness.redis_watch import count, is_available, wait_available
from harness.wait import slowness, wait_until


class Load:
    """One request after the other; when was the store away?"""

    def __init__(self, policyd, place):
        self.waits = []
        self.away = []  # moments
        self._is_over = threading.Event()
        self._policyd, self._place = policyd, place
        self._threads = [threading.Thread(target=self._ask),
                         threading.Thread(target=self._look)]

    def _ask(self):
        with Anvil(self._place / "anvil") as smtpd:
            while not self._is_over.wait(0.002):
                started = time.monotonic()
                assert smtpd.event("message", "203.0.113.250")["rate"] > 0
                self.waits.append(time.monotonic() - started)

    def _look(self):
        while not self._is_over.wait(0.02):
            if not is_available(self._policyd):
                self.away.append(time.monotonic())

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_lost_master_is_followed_and_comes_back_as_replica(
        start, place, keep, client, how):
    watched = Watched(place / "redis", keep)
    # The first Sentinel of the list is not there.
    policyd = start(store=watched.url(f"127.0.0.1:{free_port()}"),
                    client_limits_at="anvil", client_message_rate_limit=5,
                    lease_ttl="3s")
    wait_available(policyd)
    held = keep(Anvil(place / "anvil"))
    assert held.event("connect", client)["count"] == 1
    assert count(place, client, 3) == [1, 2, 3]
    old = watched.servers[0]
    with Load(policyd, place) as load:
        if how == "killed":
            old.process.kill()
        else:
            old.process.freeze()
        new = watched.wait_master(old)
        promoted = time.monotonic()
        wait_available(policyd)
    # From when the Sentinels agree; before that nobody can know.
    assert not load.away or load.away[-1] - promoted < 3 * slowness()
    # What waits longer than store_timeout is a test's own thread held up.
    assert sorted(load.waits)[int(len(load.waits) * 0.9)] < 0.2 * slowness()
    # Replicated counts stand: two more, whoever is asked.
    assert count(place, client, 3)[:2] == [4, 5]
    key = f"tollgate:{{s=smtp|c={client}}}lc"
    wait_until(lambda: new.cli("exists", key) == "1\n", 5,
               "the place is written to the new master")
    # The old one comes back, first as the master that it was, and is not
    # asked; then as a replica, which Sentinels take their time for.
    if how == "killed":
        old.start()
    else:
        old.process.thaw()
    assert "role:master" in old.cli("info", "replication")
    assert count(place, client)[0] == 2147483647
    old.cli("replicaof", "127.0.0.1", new.port)
    wait_until(lambda: "master_link_status:up" in old.cli(
        "info", "replication"), 10, "it follows the new master")
    assert is_available(policyd)
    assert "name=tollgate:" not in old.cli("client", "list")
    assert held.event("disconnect", client)["status"] == 0
    wait_until(lambda: new.cli("exists", key) == "0\n", 5,
               "the place is given back there")


def test_a_demoted_master_is_left(start, place, keep, client):
    """It lives, answers and refuses writes; nothing is lost."""
    watched = Watched(place / "redis", keep)
    policyd = start(store=watched.url())
    wait_available(policyd)
    assert count(place, client, 2) == [1, 2]
    old = watched.servers[0]
    watched.sentinels[0].cli("sentinel", "failover", NAME)
    new = watched.wait_master(old)
    wait_until(lambda: is_available(policyd) and
               "name=tollgate:" in new.cli("client", "list"), 5,
               lambda: f"the new master is used:\n{policyd.process.text()}")
    assert count(place, client, 2) == [3, 4]
    assert "name=tollgate:" not in old.cli("client", "list")


def test_a_replica_under_the_masters_name_is_not_believed(
        start, place, keep, client):
    """The only Sentinel is wrong: it watches what has become a replica."""
    watched = Watched(place / "redis", keep, replicas=1, sentinels=1)
    master, other = watched.servers
    watched.sentinels[0].process.freeze()
    other.cli("replicaof", "no", "one")
    master.cli("replicaof", "127.0.0.1", other.port)
    watched.sentinels[0].process.thaw()
    watched.sentinels[0].cli("sentinel", "remove", NAME)
    watched.sentinels[0].cli("sentinel", "monitor", NAME, "127.0.0.1",
                             master.port, 9)
    policyd = start(store=watched.url())
    policyd.process.wait_output("the server is a replica, not the master")
    assert not is_available(policyd)
    assert count(place, client, 2) == [1, 2]
    # It becomes one: no restart is needed.
    master.cli("replicaof", "no", "one")
    wait_available(policyd)


def test_an_unknown_name_is_said(start, place, keep):
    watched = Watched(place / "redis", keep, replicas=1, sentinels=1)
    policyd = start(store=watched.url().replace(NAME, "other"))
    policyd.process.wait_output('no master "other"')
    watched.sentinels[0].cli("sentinel", "monitor", "other", "127.0.0.1",
                             watched.servers[0].port, 1)
    wait_available(policyd)


def test_passwords_of_both(start, place, keep, client):
    secret = "s3cret-of-both"
    watched = Watched(
        place / "redis", keep, sentinels=1,
        sentinel_lines=[f"sentinel auth-pass {NAME} {secret}"])
    for server in watched.servers:
        server.cli("config", "set", "masterauth", secret)
        server.cli("config", "set", "requirepass", secret)
    sentinel = watched.sentinels[0]
    sentinel.cli("acl", "setuser", "default", f">{secret}")
    policyd = start(store=watched.url(), store_password=secret)
    wait_available(policyd)
    assert count(place, client, 2) == [1, 2]
    assert "NOAUTH" in sentinel.cli("ping")
    assert secret not in policyd.process.text()


@pytest.mark.parametrize("user", ["default", "looker"])
def test_sentinels_with_a_password_of_their_own(
        start, place, keep, client, user):
    of_redis, of_sentinel = "s3cret-of-redis", "s3cret-of-sentinels"
    watched = Watched(
        place / "redis", keep, sentinels=1,
        sentinel_lines=[f"sentinel auth-pass {NAME} {of_redis}"])
    for server in watched.servers:
        server.cli("config", "set", "masterauth", of_redis)
        server.cli("config", "set", "requirepass", of_redis)
    sentinel = watched.sentinels[0]
    if user != "default":
        sentinel.cli("acl", "setuser", user, "on", "+@all", "allchannels",
                     f">{of_sentinel}")
    sentinel.cli("acl", "setuser", "default", f">{of_sentinel}x"
                 if user != "default" else f">{of_sentinel}")
    name = {} if user == "default" else {"store_sentinel_username": user}
    policyd = start(store=watched.url(), store_password=of_redis,
                    store_sentinel_password=of_sentinel, **name)
    wait_available(policyd)
    assert count(place, client, 2) == [1, 2]
    for secret in of_redis, of_sentinel:
        assert secret not in policyd.process.text()


# A replica of Valkey 9 whose clock is behind from its start on never ends its
# first copy.
OFFSETS = [600] if server_version() >= ("Valkey", [9, 0]) else [600, -600]


@pytest.mark.parametrize("offset", OFFSETS)
def test_no_window_is_stuck_behind_a_clock_that_is_off(
        start, place, keep, client, offset):
    watched = Watched(place / "redis", keep, replica_clock=offset)
    policyd = start(store=watched.url(), client_limits_at="anvil",
                    client_message_rate_limit=3, rate_time_unit="3s",
                    client_connection_count_limit=2, lease_ttl="2s")
    other = client.replace("127.0.", "127.1.")
    wait_available(policyd)
    refused = 2147483647
    assert count(place, client, 4) == [1, 2, 3, refused]
    held = [keep(Anvil(place / "anvil")) for _ in range(2)]
    for smtpd in held:
        assert smtpd.event("connect", other)["count"] < refused
    old = watched.servers[0]
    watched.sentinels[0].cli("sentinel", "failover", NAME)
    watched.wait_master(old)
    wait_until(lambda: is_available(policyd), 10, "Redis is back")
    # After 3 s, not 600.
    wait_until(lambda: count(place, client)[0] < refused, 6,
               "the window ends")
    # Never more than N in a window that began there either.
    assert refused in count(place, client, 4)
    # Both places are held, and no third one is there; then they are free.
    third = keep(Anvil(place / "anvil"))
    assert third.event("connect", other)["count"] == refused
    for smtpd in held:
        smtpd.event("disconnect", other)
    wait_until(lambda: third.event("connect", other)["count"] < refused, 5,
               "places are free again")
