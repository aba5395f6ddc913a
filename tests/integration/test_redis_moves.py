"""A Cluster whose servers hand slots over as a whole (Valkey 9, Redis 8.4):
exact limits meanwhile. Older servers have no such command, and no such test."""
import collections
import concurrent.futures
import random
import threading

import pytest

from harness.attributes import Policy
from harness.redis_cluster import SLOTS, Cluster
from harness.redis_server import server_version
from harness.redis_watch import wait_available
from harness.wait import wait_until

MOST, CLIENTS, LOADERS = 30, 120, 4


def valkey_move(cluster, source, target, first, last):
    source.cli("cluster", "migrateslots", "slotsrange", first, last, "node",
               cluster.id(target))


def redis_move(_cluster, _source, target, first, last):
    target.cli("cluster", "migration", "import", first, last)


def find_mover():
    """How this server moves slots; None: by the keys alone."""
    kind, version = server_version()
    if kind == "Valkey":
        return valkey_move if version >= [9, 0] else None
    return redis_move if version >= [8, 4] else None


MOVER = find_mover()


@pytest.fixture(scope="module")
def cluster(places, keeps):
    return Cluster(places / "cluster", keeps, spare=1)


class Load:
    """Each client comes MOST times and five, in any order."""

    def __init__(self, place):
        self.passed, self.refused = collections.Counter(), collections.Counter()
        self._lock = threading.Lock()
        self._place = place

    def run(self, part):
        clients = [f"198.51.{part}.{n}" for n in range(CLIENTS // LOADERS)]
        visits = clients * (MOST + 5)
        random.shuffle(visits)
        with Policy(self._place / "policy") as smtpd:
            for client in visits:
                action = smtpd.rcpt(client)
                with self._lock:
                    (self.passed if action == "DUNNO" else
                     self.refused)[client] += 1

    def total(self):
        return self.passed.total() + self.refused.total()


def move(cluster, source, target, first, last):
    MOVER(cluster, source, target, first, last)
    wait_until(lambda: cluster.owner_of_slot(last) is target, 20,
               lambda: source.cli("cluster", "nodes"))


def check_moves(start, place, cluster):
    policyd = start(("limit", "each", {
        "event": "recipient", "key": ["client_address"], "at": "policy",
        "rate": f"{MOST}/1h"}), store=cluster.url, store_timeout="10s")
    wait_available(policyd)
    ends = [cluster.masters[0], cluster.spare[0]]
    # A master that has given its last slot away becomes a replica, so both
    # keep some.
    last = SLOTS // len(cluster.masters) // 2
    move(cluster, *ends, last + 1, last + 1)
    load, moves = Load(place), 0
    with concurrent.futures.ThreadPoolExecutor() as pool:
        loaders = [pool.submit(load.run, part) for part in range(LOADERS)]
        while not all(one.done() for one in loaders):
            so_far = load.total()
            move(cluster, *ends, 0, last)
            ends.reverse()
            moves += load.total() > so_far
        for one in loaders:
            one.result()
    assert moves >= 2
    assert policyd.metric("tollgate_store_unavailable_decisions_total") == 0, \
        policyd.process.text()
    # Over 0, under 0.
    assert set(load.passed.values()) == {MOST}
    assert set(load.refused.values()) == {5}
    assert len(load.passed) == CLIENTS


if MOVER is not None:
    def test_slots_move_as_a_whole(start, place, cluster):
        """Under load: no charge is lost, and none counts twice."""
        check_moves(start, place, cluster)
