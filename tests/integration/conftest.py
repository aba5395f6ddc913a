"""Fixtures for all integration tests: what they start is ended in reverse
order, whatever happened. The names in plural are one for a whole module."""
import itertools
import os
import signal

import pytest

from harness.fixtures import (keep, keeps, place, places,  # noqa: F401
                              skip_what_cannot_run)
from harness.own_network import enter_own_network
from harness.policyd import MILTER, Policyd
from harness.process import has_ended
from harness.redis_server import RedisServer
from harness.wait import wait_until

_numbers = itertools.count(0)

# About a minute each, and the first two as long as they are told: these
# begin, so that all others run beside them.
_LONGEST = ["test_redis_faults_random", "test_soak", "test_policyd_down",
            "test_milter_lifecycle", "test_listening", "test_shared_limits",
            "test_proof_names", "test_policyd_frozen"]


def pytest_configure(config):
    """One of several workers (pytest-xdist)?"""
    if hasattr(config, "workerinput") and os.geteuid() == 0:
        enter_own_network()


def pytest_collection_modifyitems(items):
    ranks = {name: rank for rank, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))
    skip_what_cannot_run(items)


@pytest.fixture
def start(place, keep):
    """start(*sections, **options): a policyd with both faces, at the sockets
    policy and anvil of the test's directory."""
    def one(*sections, **options):
        listen = [f"policy:unix:{place}/policy", f"anvil:unix:{place}/anvil"]
        return keep(Policyd(place / "policyd", listen, options=options,
                            sections=sections))
    place.chmod(0o777)
    return one


@pytest.fixture(params=["memory", "redis"])
def either_store(request, place, keep):
    """A Redis, or None for memory:."""
    return keep(RedisServer(place / "redis")) if request.param == "redis" \
        else None


@pytest.fixture
def client():
    """A client address that no other test uses."""
    number = next(_numbers)
    return f"127.0.{1 + number // 200}.{2 + number % 200}"


@pytest.fixture(scope="session")
def is_sanitized():
    """Was it built with a sanitizer? Memory and time then say nothing."""
    with open(MILTER, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


@pytest.fixture
def end_pid():
    """end_pid(pid): it is ended after the test, and gone."""
    pids = []
    yield pids.append
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: has_ended(pid), 20, f"{pid} has ended")
