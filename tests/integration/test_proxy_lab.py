"""Forged PROXY headers against each face, alone and together: no message of
an attacker's is accepted, and everybody else's is meanwhile."""
import concurrent.futures
import contextlib
import itertools
import os
import signal

import pytest

from harness.wait import wait_until
from proxy_lab.assault import (ADMITTED, PLANS, accepted, assault, assaults,
                               greeted, queued)
from proxy_lab.attack import HEADERS, WAYS, Session, attack, attack_wrapped
from proxy_lab.host import IPV6, HonestMail, Lab
from proxy_lab.mail_host import (ALL, ANVIL, DIRECT, JAILED, LIMITED,
                                 LIMITED_XCLIENT, MILTER, OPEN, POLICY,
                                 SCREENED, UNASKED_ANVIL, UNASKED_POLICY,
                                 WRAPPED, XCLIENT)
from proxy_lab.network import Network, ipv4, ipv6

FACES = {"anvil": ANVIL, "policy": POLICY, "milter": MILTER, "all": ALL}


@pytest.fixture(scope="module")
def network(keeps):
    return keeps(Network())


@pytest.fixture(scope="module")
def lab(network, places, keeps):
    """One for all tests, each of which leaves it as it was."""
    return Lab(network, places / "lab", keeps)


@pytest.mark.parametrize("is_jailed", [False, True], ids=["free", "jail"])
@pytest.mark.parametrize("face", FACES)
def test_forged_sessions(network, lab, keep, is_sanitized, face, is_jailed):
    """The main thing: 1600 and more in sum. Whatever Postfix does without a
    milter (it accepts, here) is no matter."""
    port = JAILED[FACES[face]] if is_jailed else FACES[face]
    few = 29 if is_sanitized else 4 if is_jailed else 1
    honest = keep(HonestMail(lab, port))
    told = assault(network, port, PLANS[::few])
    wait_until(lambda: len(honest.codes) > 5, 20, "honest mail")
    honest.close()
    assert accepted(told) == [] and queued(lab) == 0
    if face != "policy":
        assert [plan for plan, said in told if greeted(said)] == []
    assert set(honest.codes) == {"250"}
    # Where the attacker was seen, the line has the truth next to the claim.
    for peer in ("10.90.0.66", "fd90::42"):
        assert f" peer={peer} port={port} " in lab.log()


def test_policyd_in_anvils_place(place, keep, is_sanitized):
    """No helper. While policyd is away nobody guards that way in: what the
    manual says, and why there is the helper."""
    network = keep(Network())
    one = Lab(network, place / "lab", keep, takes_anvils_place=True)
    told = assault(network, ANVIL, PLANS[::29 if is_sanitized else 3])
    assert accepted(told) == [] and queued(one) == 0
    assert [plan for plan, said in told if greeted(said)] == []
    assert one.send((ipv4("nginx"), ANVIL)) == "250"
    one.policyd.kill()
    told = assault(network, ANVIL, [("mail", "dialog", "v1-fresh")])
    assert accepted(told) != []


def test_the_same_sessions_without_tollgate(network, lab):
    """That the attacks are worth something: Postfix alone takes them."""
    assault(network, OPEN, PLANS[:165:3], ADMITTED)
    wait_until(lambda: lab.postfix.queued_from(ADMITTED) > 10, 20,
               "the attacker's mail is accepted")


def test_transports(lab):
    for port in (*FACES.values(), *JAILED.values()):
        assert lab.send((ipv4("haproxy"), port)) == "250"
        assert lab.send((ipv4("nginx"), port)) == "250"
    assert lab.send((ipv6("haproxy"), ALL)) == "250"
    assert lab.send((ipv4("haproxy"), IPV6)) == "250"  # on to Postfix by IPv6
    assert lab.send((ipv4("mail"), DIRECT)) == "250"  # no proxy in front


@pytest.mark.parametrize("face", FACES)
def test_wrapper_mode(network, lab, face):
    server = ipv4("mail"), WRAPPED[FACES[face]]
    with concurrent.futures.ThreadPoolExecutor(len(HEADERS)) as pool:
        told = list(pool.map(
            lambda header: attack_wrapped(network, server, header), HEADERS))
    assert not any(b"queued as" in said for said in told)
    assert any(said.startswith(b"421 ") for said in told) == (face != "policy")
    assert face == "policy" or not any(greeted(said) for said in told)
    assert queued(lab) == 0


def test_behind_postscreen(network, lab):
    """It greets by itself, but nothing passes smtpd."""
    told = assaults(network, SCREENED.values(), PLANS[:165:7])
    assert accepted(told) == [] and queued(lab) == 0
    assert {plan[0] for plan, said in told if greeted(said)} == \
        {SCREENED[POLICY]}
    ways_in = list(itertools.product(
        [ipv4("haproxy"), ipv4("nginx")], SCREENED.values()))
    with concurrent.futures.ThreadPoolExecutor(len(ways_in)) as pool:
        assert set(pool.map(lab.send, ways_in)) == {"250"}
    for port in SCREENED.values():
        assert f" peer=10.90.0.66 port={port} " in lab.log()


def test_where_postfix_does_not_ask_anvil(network, lab):
    """Exceptions and XCLIENT hosts: greeted, and heard; so anvil alone would
    not do in such a configuration, and the policy face does."""
    plans = list(itertools.product(
        ["mail"], WAYS, ["v1-network", "v2-network", "v1-xclient",
                         "v2-xclient"]))
    assert accepted(assault(network, UNASKED_ANVIL, plans, ADMITTED)) != []
    told = assault(network, UNASKED_POLICY, plans)
    assert any(greeted(said) for _, said in told)
    assert accepted(told) == [] and queued(lab) == 0


def test_removing_a_proxy_stops_it_at_once(lab):
    for port in FACES.values():
        assert lab.send((ipv4("nginx"), port)) == "250"
    lab.trust(ipv4("haproxy"))
    for port in FACES.values():
        assert lab.send((ipv4("nginx"), port)) == "421"
        assert lab.send((ipv4("haproxy"), port)) == "250"
    lab.trust(ipv4("haproxy"), ipv4("nginx"), ipv6("haproxy"), ipv6("nginx"))
    for port in FACES.values():
        assert lab.send((ipv4("nginx"), port)) == "250"


@pytest.mark.parametrize("state", ["killed", "stopped"])
def test_policyd_is_away(network, lab, state):
    """Refused by the helper, and by the service's default_action."""
    if state == "killed":
        lab.policyd.kill()
    else:
        lab.policyd.process.freeze()
    told = assaults(network, (ANVIL, POLICY, JAILED[ALL]), PLANS[::14])
    if state == "killed":
        lab.policyd.start()
    else:
        lab.policyd.process.thaw()
    # A helper whom policyd did not answer asks again after ten seconds only.
    lab.postfix.reload()
    assert accepted(told) == []
    for port in FACES.values():
        wait_until(lambda: lab.send((ipv4("haproxy"), port)) == "250", 20,
                   "mail flows again")
    assert queued(lab) == 0


@contextlib.contextmanager
def successor(daemon):
    pid = daemon.hand_over()
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        daemon.process.close()  # smtpd processes keep connections to it
        daemon.start()


def test_successors_prove_too(network, lab):
    with successor(lab.policyd), successor(lab.milter):
        for port in FACES.values():
            assert lab.send((ipv4("haproxy"), port)) == "250"
            said = attack(network, (ipv4("mail"), port), "v1-fresh", "dialog")
            assert b"354 " not in said and b"421 " in said
        assert queued(lab) == 0


def test_reload_of_postfix_while_proving(network, lab):
    """A duplicate that is kept would be the accept lock, and stop it."""
    assaults(network, FACES.values(), PLANS[::29])
    lab.postfix.reload()
    for _ in range(10):
        for port in FACES.values():
            assert lab.send((ipv4("haproxy"), port)) == "250"


def test_xclient_from_a_proven_proxy(network, lab):
    """Mailu's front: no PROXY header, the client's address by XCLIENT."""
    def send(host, client, port=LIMITED_XCLIENT):
        with network.inside(host):
            session = Session((ipv4("mail"), port))
        replies = [session.reply()]
        for command in ([f"XCLIENT ADDR={client}"] if client else []) + [
                "EHLO x", "MAIL FROM:<xclient@client.example>",
                "RCPT TO:<user@test.example>"]:
            session.send(command.encode() + b"\r\n")
            replies.append(session.reply())
        session.close()
        return replies[-1][:3].decode()
    assert [send("nginx", "198.51.100.7") for _ in range(3)] == \
        ["250", "250", "450"]
    assert send("nginx", "198.51.100.8") == "250"
    for port in (XCLIENT, LIMITED_XCLIENT):
        assert send("attacker", None, port) in ("421", "")


def test_what_the_proxy_itself_sends(network, lab):
    """Uncounted until MAIL, then under a key of its own, with a warning."""
    def send():
        with network.inside("haproxy"):
            session = Session((ipv4("mail"), LIMITED))
        session.send(HEADERS["v2-local"]())
        code = session.reply()[:3]
        for command in ("EHLO x", "MAIL FROM:<proxy@client.example>",
                        "RCPT TO:<user@test.example>"):
            session.send(command.encode() + b"\r\n")
            code = session.reply()[:3]
        session.close()
        return code.decode()
    assert [send() for _ in range(3)] == ["250", "250", "450"]
    assert lab.policyd.process.text().count("PROXY is not in effect") == 1
    assert lab.send((ipv4("haproxy"), LIMITED)) == "250"


def test_impossible_claims_of_a_true_proxy(network, lab):
    """From Postfix 3.8 on anvil is told ::/84, which is more than ::1."""
    for port, headers in ((ANVIL, ["v1-loopback"]),
                          (MILTER, ["v1-loopback", "v2-ipv6-loopback"])):
        server = ipv4("mail"), port
        for header in headers:
            said = attack(network, server, header, "dialog", host="haproxy")
            assert said.startswith(b"421"), said
        assert greeted(attack(
            network, server, "v1-fresh", "dialog", host="haproxy",
            sender=ADMITTED))


def test_local_submission_at_the_milter(lab):
    """cleanup comes under the name that all services have."""
    lab.postfix.submit("local@client.example")
    wait_until(lambda: lab.postfix.queued_from("local@client.example") == 1,
               10, lambda: lab.postfix.log.text())


def test_health_checks_are_nobodys_business(lab):
    """Each second since the beginning, at two faces, and bare connections
    while there was honest mail: no limit, and no line but the one above."""
    lines = [line for line in lab.log().splitlines()
             if any(f" peer={ipv4(proxy)} " in line
                    and f" client={ipv4(proxy)} " in line
                    for proxy in ("haproxy", "nginx"))]
    assert [line for line in lines if f"service={LIMITED} " not in line] == []
    for daemon in (lab.policyd, lab.milter):
        assert 'reason="unproxied"' in daemon.get("/metrics")[1]


def test_no_silence_of_anvil(lab):
    """Exceptions, XCLIENT, postscreen, smtpds without limits and successors:
    nowhere in all of that was anvil's place taken."""
    assert "does not ask the anvil face any more" not in lab.log()
    assert lab.policyd.metric("tollgate_anvil_silent") == 0
