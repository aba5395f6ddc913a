"""Redis as a Cluster: each client's counters on one node, others elsewhere,
charged together; nodes that go, slots that move, under load."""
import collections
import random
import threading
import time

import pytest

from harness.attributes import Anvil, Policy
from harness.policyd import Policyd
from harness.redis_cluster import Cluster
from harness.redis_watch import count, is_available, wait_available
from harness.wait import PATIENT, slowness, wait_until



@pytest.fixture(scope="module")
def cluster(places, keeps):
    # Else a master that has given its last slot away becomes a replica.
    return Cluster(places / "cluster", keeps, spare=1,
                   options=("--cluster-allow-replica-migration", "no"))


def limit(title, key, rate, event="message"):
    return ("limit", title, {"event": event, "key": [key], "rate": rate,
                             "at": "policy"})


def said(smtpd, client, user):
    return smtpd.rcpt(client, sasl_username=user).split(" ")[0]


def test_clients_are_spread_and_counted(start, place, cluster, client):
    policyd = start(store=cluster.url, **PATIENT)
    wait_available(policyd)
    clients = [f"{client.rsplit('.', 1)[0]}.{n}" for n in range(210, 240)]
    for one in clients:
        assert count(place, one, 2) == [1, 2]
    sizes = [int(node.cli("dbsize")) for node in cluster.masters]
    assert all(size > 2 for size in sizes), sizes
    assert policyd.metric("tollgate_store_failures_total") == 0
    assert policyd.metric("tollgate_instances") == 1


def test_the_wrong_kind_of_url_is_said(start, cluster):
    policyd = start(store=cluster.masters[1].url)
    policyd.process.wait_output("is unavailable: it is a node of a Cluster; "
                                "the store's URL must begin with redis+cluster")


def test_limits_in_several_slots_are_all_or_nothing(
        start, place, cluster, client):
    """10 for the client; users have 2 each. What a user's limit refuses does
    not count for the client, whichever answers first."""
    policyd = start(limit("client", "client_address", "10/1m"),
                    limit("user", "sasl_username", "2/1m"),
                    store=cluster.url, **PATIENT)
    wait_available(policyd)
    with Policy(place / "policy") as smtpd:
        for user in ("ann", "bob", "cid", "dan"):
            assert [said(smtpd, client, f"{user}{client}")
                    for _ in range(6)] == ["DUNNO"] * 2 + ["450"] * 4
        # 8 were admitted, 16 refused and given back: 2 are left.
        assert [said(smtpd, client, f"eve{client}") for _ in range(3)] == \
            ["DUNNO", "DUNNO", "450"]
        assert said(smtpd, client, f"fay{client}") == "450"
        # fay has not been charged by what her client's limit refused.
        other = client.replace("127.0.", "127.1.")
        assert [said(smtpd, other, f"fay{client}") for _ in range(3)] == \
            ["DUNNO", "DUNNO", "450"]
    assert policyd.metric("tollgate_store_failures_total") == 0


def test_refunds_in_a_crowd_let_nobody_too_many_in(
        place, keep, cluster, client):
    """Two daemons, many at once: at the end the counters hold what was let
    in, to the unit."""
    place.chmod(0o777)
    limits = [limit("client", "client_address", "40/5m"),
              limit("user", "sasl_username", "5/5m")]
    policyds = [keep(Policyd(
        place / name, [f"policy:unix:{place}/{name}.policy"],
        options={"store": cluster.url, **PATIENT},
        sections=limits)) for name in ("a", "b")]
    for policyd in policyds:
        wait_available(policyd)
    users = [f"crowd{n}-{client}" for n in range(12)]
    counts = [collections.Counter() for _ in range(8)]

    def ask(number):
        chance = random.Random(number)
        with Policy(f"{place}/{'ab'[number % 2]}.policy") as smtpd:
            for _ in range(60):
                user = chance.choice(users)
                if said(smtpd, client, user) == "DUNNO":
                    counts[number][user] += 1
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = sum(counts, collections.Counter())
    key = f"tollgate:{{a={client}}}ss:client"
    # 60 would be the users' own sum; a refund that is under way may cost
    # others one refusal each, but what is free at the end is given, at once.
    assert sum(passed.values()) <= 40 and max(passed.values()) <= 5
    wait_until(lambda: total_of(cluster.owner(key), key) ==
               sum(passed.values()), 5, "the last refund has come")
    with Policy(place / "a.policy") as smtpd:
        for user in users:
            while said(smtpd, client, user) == "DUNNO":
                passed[user] += 1
    assert sum(passed.values()) == 40 and max(passed.values()) <= 5
    wait_until(lambda: all(total_of_user(cluster, user) == passed[user]
                           for user in users), 5, "the last refund has come")
    assert total_of(cluster.owner(key), key) == 40


def total_of_user(cluster, user):
    key = f"tollgate:{{u={user}}}ss:user"
    return total_of(cluster.owner(key), key)


def test_places_are_given_back(
        start, place, keep, cluster, client):
    policyd = start(store=cluster.url, **PATIENT, client_limits_at="anvil",
                    client_connection_count_limit=2,
                    drain_timeout="0s")
    wait_available(policyd)
    held = [keep(Anvil(place / "anvil")) for _ in range(3)]
    assert [one.event("connect", client)["count"] for one in held] == \
        [1, 2, 2147483647]
    held[0].event("disconnect", client)
    wait_until(lambda: held[2].event("connect", client)["count"] == 2, 5,
               "a place is free again")
    key = f"tollgate:{{s=smtp|c={client}}}lc"
    node = cluster.owner(key)
    assert node.cli("exists", key) == "1\n"
    policyd.stop()
    assert node.cli("exists", key) == "0\n"


class Load:
    """Messages of one client and user, one after the other, in the background.
    said: (moment, action)."""

    def __init__(self, place, client, user):
        self.said, self._is_over = [], threading.Event()
        self._arguments = (place, client, user)
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        place, client, user = self._arguments
        with Policy(place / "policy") as smtpd:
            while not self._is_over.wait(0.001):
                self.said.append(said(smtpd, client, user))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()


@pytest.mark.parametrize("whereto", ["to one of the masters", "to a new one"])
def test_a_slot_moves_under_load(start, place, cluster, client, whereto):
    """MOVED, ASK and TRYAGAIN: every charge counts once, none is refused."""
    most = 100000
    user = f"bob{client}"
    # Two limits of one subject: two keys in a slot, which may be divided.
    policyd = start(limit("fast", "sasl_username", f"{most}/1m"),
                    limit("slow", "sasl_username", f"{most}/10m"),
                    limit("client", "client_address", f"{most}/1m"),
                    store=cluster.url, **PATIENT)
    wait_available(policyd)
    keys = [f"tollgate:{{u={user}}}ss:{name}" for name in ("fast", "slow")]
    slot = cluster.slot(keys[0])
    source = cluster.owner(keys[0])
    target = cluster.spare[0] if "new" in whereto else \
        next(n for n in cluster.masters if n is not source)
    node_errors = [errors_of(source), errors_of(target)]
    with Load(place, client, user) as load:
        wait_until(lambda: len(load.said) > 50, 10, "load")
        for here, there in ((source, target), (target, source)):
            cluster.begin_move(slot, here, there)
            so_far = len(load.said)
            wait_until(lambda n=so_far: len(load.said) > n + 50, 10, "ASK")
            # One of the two first: the keys are on two nodes for a while.
            here.cli("migrate", "127.0.0.1", there.port, keys[0], 0, 5000)
            so_far = len(load.said)
            wait_until(lambda n=so_far: len(load.said) > n + 50, 10,
                       "TRYAGAIN")
            cluster.move_keys(slot, here, there)
            cluster.end_move(slot, here, there)
            so_far = len(load.said)
            wait_until(lambda n=so_far: len(load.said) > n + 50, 10, "MOVED")
    # All of them have come, now.
    assert all(errors_of(node)[kind] > before[kind]
               for node, before in zip((source, target), node_errors)
               for kind in ("ASK", "TRYAGAIN", "MOVED"))
    assert set(load.said) == {"DUNNO"}
    assert policyd.metric("tollgate_store_unavailable_decisions_total") == 0
    for key in keys:
        value = cluster.owner(key).cli("--no-raw", "getrange", key, 0, 3)
        assert total_of(cluster.owner(key), key) == len(load.said), value


def errors_of(node):
    """How often it has said what."""
    found = collections.Counter()
    for line in node.cli("info", "errorstats").splitlines():
        if line.startswith("errorstat_"):
            kind, _, number = line[len("errorstat_"):].partition(":count=")
            found[kind] = int(number)
    return found


def total_of(node, key):
    """What a sliding counter holds (store.lua)."""
    script = """local value = redis.call('get', KEYS[1])
        return value and struct.unpack('<I6', value) or 0"""
    return int(node.cli("eval", script, 1, key))


def test_a_slot_is_at_a_server_that_is_just_being_connected(
        start, place, cluster, client):
    """Named by a MOVED or a map a moment ago: the next question for that slot
    waits for it, as the one that was told does."""
    user, target = f"eve{client}", cluster.spare[0]
    policyd = start(limit("new", "sasl_username", "9/1m"), store=cluster.url,
                    store_timeout="10s")
    wait_available(policyd)
    key = f"tollgate:{{u={user}}}ss:new"
    slot, source = cluster.slot(key), cluster.owner(key)
    cluster.begin_move(slot, source, target)
    cluster.end_move(slot, source, target)
    with Policy(place / "policy") as first, Policy(place / "policy") as second:
        target.process.freeze()
        try:
            pool = [threading.Thread(target=said, args=(one, client, user))
                    for one in (first, second)]
            for one in pool:
                one.start()
                one.join(0.3)
                assert one.is_alive()
        finally:
            target.process.thaw()
        for one in pool:
            one.join()
    assert policyd.metric("tollgate_store_unavailable_decisions_total") == 0
    assert total_of(target, key) == 2
    cluster.begin_move(slot, target, source)
    cluster.move_keys(slot, target, source)
    cluster.end_move(slot, target, source)


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_lost_node_hurts_its_own_slots_alone(
        start, place, keep, client, how):
    cluster = Cluster(place / "cluster", keep, replicas=True)
    place.chmod(0o777)
    policyd = start(limit("user", "sasl_username", "100000/1m"),
                    limit("client", "client_address", "100000/1m"),
                    store=cluster.url, **PATIENT, lease_ttl="3s")
    wait_available(policyd)
    lost = cluster.masters[1]
    users, number = {}, 0
    while len(users) < 3:
        key = f"tollgate:{{u=user{number}}}ss:user"
        users.setdefault(cluster.owner(key), (f"user{number}", key))
        number += 1
    survivors = [n for n in cluster.masters if n is not lost]
    clients = iter(f"127.{n}.7.7" for n in range(2, 250))
    here = next(one for one in clients if cluster.owner(
        f"tollgate:{{a={one}}}ss:client") is survivors[0])
    with Load(place, here, users[lost][0]) as on_lost, \
            Load(place, here, users[survivors[1]][0]) as on_alive:
        wait_until(lambda: len(on_lost.said) > 30, 10, "load")
        if how == "killed":
            lost.process.kill()
        else:
            lost.process.freeze()
        killed = time.monotonic()
        wait_until(lambda: not is_available(policyd), 5, "it is seen")
        wait_available(policyd, 20)
        back = time.monotonic() - killed
    assert set(on_lost.said) == set(on_alive.said) == {"DUNNO"}
    # Whose keys are elsewhere is counted exactly all the time.
    alive_user, alive_key = users[survivors[1]]
    assert total_of(survivors[1], alive_key) == len(on_alive.said), alive_user
    assert total_of(survivors[0], f"tollgate:{{a={here}}}ss:client") == \
        len(on_alive.said) + len(on_lost.said)
    # The election takes node-timeout and a second or two.
    assert back < 15 * slowness()
    promoted = cluster.owner(users[lost][1], survivors)
    assert promoted in cluster.replicas
    with Policy(place / "policy") as smtpd:
        before = total_of(promoted, users[lost][1])
        assert said(smtpd, here, users[lost][0]) == "DUNNO"
        assert total_of(promoted, users[lost][1]) == before + 1
