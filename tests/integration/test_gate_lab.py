"""The lab of forged headers with gates in front of Postfix: no attacker wakes
an smtpd, and everybody else's mail comes through all the same."""
import concurrent.futures

import pytest

from harness.wait import wait_until
from proxy_lab.assault import PLANS, accepted, assault, greeted, queued
from proxy_lab.attack import HEADERS, attack_wrapped
from proxy_lab.gate_host import JAIL, TLS, GateLab
from proxy_lab.host import IPV6, HonestMail
from proxy_lab.mail_host import ALL, DIRECT, LIMITED
from proxy_lab.network import Network, ipv4, ipv6

PROXIES = [ipv4("haproxy"), ipv4("nginx"), ipv6("haproxy"), ipv6("nginx")]


@pytest.fixture(scope="module")
def network(keeps):
    return keeps(Network())


@pytest.fixture(scope="module")
def lab(network, places, keeps):
    return GateLab(network, places / "lab", keeps)


@pytest.fixture(autouse=True)
def nobody_else_was_handed_on(lab):
    """smtpds had whom the proxies brought, and nobody else."""
    yield
    peers = {line.rsplit("[", 1)[1] for line in
             lab.postfix.log.text().splitlines() if ": connect from " in line}
    assert peers <= {f"{ipv4('client')}]", f"{ipv6('client')}]",
                     f"{ipv4('mail')}]"}


@pytest.mark.parametrize("port", [ALL, JAIL], ids=["free", "jail"])
def test_forged_sessions(network, lab, keep, is_sanitized, port):
    few = 29 if is_sanitized else 4 if port == JAIL else 1
    honest = keep(HonestMail(lab, port))
    told = assault(network, port, PLANS[::few])
    wait_until(lambda: len(honest.codes) > 5, 20, "honest mail")
    honest.close()
    assert accepted(told) == [] and queued(lab) == 0
    assert [plan for plan, said in told if greeted(said)] == []
    assert set(honest.codes) == {"250"}
    for peer in ("10.90.0.66", "fd90::42"):
        assert f" peer={peer} port={port} " in lab.log()


def test_wrapper_mode(network, lab):
    """A gate that clients begin TLS with says nothing in the clear."""
    server = ipv4("mail"), TLS
    with concurrent.futures.ThreadPoolExecutor(len(HEADERS)) as pool:
        told = list(pool.map(
            lambda header: attack_wrapped(network, server, header), HEADERS))
    assert set(told) == {b""} and queued(lab) == 0


def test_transports(lab):
    for port in (ALL, JAIL):
        for proxy in PROXIES:
            if (proxy, port) != (ipv6("nginx"), port):
                assert lab.send((proxy, port)) == "250"
    assert lab.send((ipv4("haproxy"), IPV6)) == "250"  # on to the gate by IPv6
    assert lab.send((ipv4("mail"), DIRECT)) == "250"  # no proxy in front


def test_removing_a_proxy_stops_it_at_once(lab):
    lab.trust(ipv4("haproxy"))
    assert lab.send((ipv4("nginx"), ALL)) == "421"
    assert lab.send((ipv4("haproxy"), ALL)) == "250"
    lab.trust(*PROXIES)
    assert lab.send((ipv4("nginx"), ALL)) == "250"


def test_the_milter_s_limits_are_of_the_client(lab):
    assert [lab.send((ipv4("haproxy"), LIMITED)) for _ in range(3)] == \
        ["250", "250", "450"]


def test_policyd_is_away(lab):
    """Nobody takes the connection, so HAProxy ends the client's."""
    lab.policyd.kill()
    assert lab.send((ipv4("haproxy"), ALL)) == ""
    lab.policyd.start()
    lab.postfix.reload()  # as soon as the helpers may ask it again
    wait_until(lambda: lab.send((ipv4("haproxy"), ALL)) == "250", 20,
               "mail flows again")


def test_nothing_was_asked_of_the_kernel(lab):
    for daemon in (lab.policyd, lab.milter):
        for kind in ("CapPrm", "CapEff"):
            assert f"{kind}:\t{'0' * 16}\n" in daemon.process.status()
    assert "cannot be proven" not in lab.log()
