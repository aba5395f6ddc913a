"""Forged PROXY headers while the kernel refuses a call of the proof: no message
of an attacker's is accepted at any face, and the cause is named."""
import concurrent.futures
import itertools

import pytest

from harness import refuse
from harness.wait import wait_until
from proxy_lab.attack import HEADERS, SENDER, WAYS, attack
from proxy_lab.host import Lab
from proxy_lab.mail_host import (ALL, ANVIL, MILTER, OPEN, POLICY, SCREENED)
from proxy_lab.network import Network, ipv4

PORTS = [ANVIL, POLICY, MILTER, ALL, SCREENED[POLICY], SCREENED[MILTER]]
PLANS = list(itertools.product(WAYS, HEADERS))
# Each call with one errno; with all of them, test_peer_refused.c.
CALLS = [("getsockname", "EACCES"), ("getpeername", "EPERM"),
         ("SO_TYPE", "ENOSYS"), ("SO_ACCEPTCONN", "EACCES")]


@pytest.fixture(scope="module")
def network(keeps):
    return keeps(Network())


@pytest.fixture(scope="module")
def lab(network, places, keeps):
    return Lab(network, places / "lab", keeps)


def assault(network, ports, plans):
    """What all were told, several at a time."""
    def one(arguments):
        port, (way, header) = arguments
        return port, attack(network, (ipv4("mail"), port), header, way)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        return list(pool.map(one, itertools.product(ports, plans)))


@pytest.mark.parametrize("call, error", CALLS)
def test_forged_sessions(network, lab, call, error):
    marks = [len(daemon.process.text()) for daemon in (lab.policyd, lab.milter)]
    with lab.daemons_under(refuse.under(call, error)):
        told = assault(network, PORTS, PLANS[::11])
        said = [daemon.process.text()[mark:] for daemon, mark in
                zip((lab.policyd, lab.milter), marks)]
    assert [port for port, words in told if b"queued as" in words] == []
    for text in said:
        assert "peers cannot be proven (" in text and f": {call}" in text
    # Mail flows again, and Postfix has worked off what it had read.
    wait_until(lambda: lab.send((ipv4("haproxy"), ALL)) == "250", 20,
               "mail flows again")
    assert lab.postfix.queued_from(SENDER) == 0


def test_the_same_sessions_are_worth_something(network, lab):
    """Postfix alone takes them."""
    told = assault(network, [OPEN], PLANS[::11])
    assert any(b"queued as" in words for _, words in told)
