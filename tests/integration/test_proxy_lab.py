"""Forged PROXY headers against each face, alone and together: no message of
an attacker's is accepted, and everybody else's is meanwhile."""
import concurrent.futures
import itertools

import pytest

from harness.wait import wait_until
from proxy_lab.attack import (HEADERS, SENDER, WAYS, XCLIENT_CLIENT, Session,
                              attack, attack_wrapped)
from proxy_lab.host import (DIRECT, PLAIN, SCREENED, WRAPPED, XCLIENT,
                            HonestMail, Lab)
from proxy_lab.network import Network, ipv4, ipv6

FACES = {"anvil": ["anvil"], "policy": ["policy"],
         "both": ["anvil", "policy"]}
MAIL = ipv4("mail"), PLAIN
MAIL6 = ipv6("mail"), PLAIN
SESSIONS = 340  # for each of the three: 1000 and more


@pytest.fixture(scope="module")
def network(keeps):
    return keeps(Network())


@pytest.fixture
def lab(network, place, keep):
    return lambda *faces, **more: Lab(
        network, place / "lab", keep, faces or ("anvil", "policy"), **more)


def greeted(said):
    """Was there a greeting of smtpd's? postscreen's teaser is "220-"."""
    return any(line.startswith(b"220 ") for line in said.split(b"\r\n"))


def assault(network, sessions, servers=(MAIL, MAIL6)):
    """That many sessions, all headers and ways in turn: what each was told."""
    plans = list(itertools.product(servers, WAYS, HEADERS))
    chosen = list(itertools.islice(itertools.cycle(plans), sessions))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        told = pool.map(lambda plan: attack(network, plan[0], plan[2], plan[1]),
                        chosen)
        return list(zip(chosen, told))


def queued(lab):
    """Of the attacker, once Postfix has worked off what it had read."""
    assert lab.send((ipv4("haproxy"), 25)) == "250"
    wait_until(lambda: "disconnect" in lab.postfix.log.text(), 5, "log")
    return lab.postfix.queued_from(SENDER)


@pytest.mark.parametrize("chroot", [False, True], ids=["free", "jail"])
@pytest.mark.parametrize("faces", FACES)
def test_forged_sessions(network, lab, keep, faces, chroot):
    """The main thing."""
    one = lab(*FACES[faces], chroot=chroot)
    honest = keep(HonestMail(one))
    told = assault(network, SESSIONS if not chroot else 60)
    honest.close()
    assert queued(one) == 0
    if "anvil" in FACES[faces]:
        assert [plan for plan, said in told if greeted(said)] == []
    assert not any(b"queued as" in said for _, said in told)
    assert set(honest.codes) == {"250"} and len(honest.codes) > 5
    refused = one.policyd.metric("tollgate_decisions_total")
    assert refused > 0
    # The checks are no one's business: no limit, no line each.
    assert honest.checks > 1
    for proxy in ("haproxy", "nginx"):
        assert f"peer={ipv4(proxy)} " not in one.policyd.process.text()
    # Where the attacker was seen, the line has the truth next to the claim.
    line = next(line for line in one.policyd.process.text().splitlines()
                if "reason=untrusted" in line)
    assert " peer=10.90.0.66 port=12525 " in line or \
        " peer=fd90::42 port=12525 " in line


def test_the_same_sessions_without_tollgate(network, place, keep):
    """That the attacks are worth something: Postfix alone takes them."""
    one = Lab(network, place / "lab", keep, ())
    assault(network, 60, [MAIL])
    wait_until(lambda: one.postfix.queued_from(SENDER) > 10, 20,
               "the attacker's mail is accepted")


def test_transports(lab):
    one = lab()
    assert one.send((ipv4("haproxy"), 25)) == "250"
    assert one.send((ipv6("haproxy"), 25)) == "250"
    assert one.send((ipv4("haproxy"), 27)) == "250"  # HAProxy to Postfix: IPv6
    assert one.send((ipv4("nginx"), 25)) == "250"
    assert one.send((ipv4("mail"), DIRECT)) == "250"  # no proxy in front
    assert one.policyd.metric("tollgate_decisions_total") > 0


def test_wrapper_mode(network, lab):
    one = lab("anvil")
    for header in HEADERS:
        said = attack_wrapped(network, (ipv4("mail"), WRAPPED), header)
        assert not greeted(said), (header, said)
    assert queued(one) == 0


def test_behind_postscreen(network, lab):
    """It greets by itself, but nothing passes smtpd."""
    one = lab()
    told = assault(network, 45, [(ipv4("mail"), SCREENED)])
    assert [plan for plan, said in told if greeted(said)] == []
    assert one.send((ipv4("haproxy"), 26)) == "250"
    assert queued(one) == 0
    assert "port=12526 " in one.policyd.process.text()


def test_where_postfix_does_not_ask_anvil(network, lab):
    """Exceptions and XCLIENT hosts: greeted, and still refused by the policy
    face; so anvil alone would not do in such a configuration."""
    one = lab(main={
        "smtpd_client_event_limit_exceptions": "$mynetworks",
        "smtpd_authorized_xclient_hosts": XCLIENT_CLIENT})
    greetings = 0
    for header in ("v1-loopback", "v2-network", "v1-xclient", "v2-xclient"):
        for way in WAYS:
            greetings += greeted(attack(network, MAIL, header, way))
    assert greetings > 0
    assert queued(one) == 0


def test_removing_a_proxy_stops_it_at_once(lab):
    one = lab()
    assert one.send((ipv4("nginx"), 25)) == "250"
    one.trust(ipv4("haproxy"))
    assert one.send((ipv4("nginx"), 25)) == "421"
    assert one.send((ipv4("haproxy"), 25)) == "250"
    one.trust(ipv4("haproxy"), ipv4("nginx"))
    assert one.send((ipv4("nginx"), 25)) == "250"


@pytest.mark.parametrize("faces", FACES)
@pytest.mark.parametrize("state", ["killed", "stopped"])
def test_policyd_is_away(network, lab, state, faces):
    one = lab(*FACES[faces], main={"ipc_timeout": "5s"})
    assert one.send((ipv4("haproxy"), 25)) == "250"
    if state == "killed":
        one.policyd.kill()
    else:
        one.policyd.process.freeze()
    told = assault(network, 40, [MAIL])
    assert not any(b"queued as" in said for _, said in told)
    if state == "killed":
        one.policyd.start()
    else:
        one.policyd.process.thaw()
    wait_until(lambda: one.send((ipv4("haproxy"), 25)) == "250", 20,
               "mail flows again")
    assert one.postfix.queued_from(SENDER) == 0


def test_successor_proves_too(network, lab, end_pid):
    one = lab()
    end_pid(one.policyd.hand_over())
    assert one.send((ipv4("haproxy"), 25)) == "250"
    assert not greeted(attack(network, MAIL, "v1-fresh", "dialog"))
    assert queued(one) == 0


def test_reload_of_postfix_while_proving(network, lab):
    """A duplicate that is kept would be the accept lock, and stop it."""
    one = lab()
    assault(network, 30, [MAIL])
    one.postfix.reload()
    for _ in range(20):
        assert one.send((ipv4("haproxy"), 25)) == "250"


def test_xclient_from_a_proven_proxy(network, lab):
    """Mailu's front: no PROXY header, the client's address by XCLIENT."""
    one = lab(options={"client_limits_at": "policy",
                       "client_message_rate_limit": 2})

    def send(host, client):
        with network.inside(host):
            session = Session((ipv4("mail"), XCLIENT))
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
    assert send("attacker", None) in ("421", "")


def test_what_the_proxy_itself_sends(network, lab):
    """Uncounted until MAIL, then under a key of its own, with a warning."""
    one = lab(options={"client_limits_at": "policy",
                       "client_message_rate_limit": 2})

    def send():
        with network.inside("haproxy"):
            session = Session(MAIL)
        session.send(HEADERS["v2-local"]())
        code = session.reply()[:3]
        for command in ("EHLO x", "MAIL FROM:<proxy@client.example>",
                        "RCPT TO:<user@test.example>"):
            session.send(command.encode() + b"\r\n")
            code = session.reply()[:3]
        session.close()
        return code.decode()
    assert [send() for _ in range(3)] == ["250", "250", "450"]
    log = one.policyd.process.text()
    assert log.count("PROXY is not in effect") == 1
    assert one.send((ipv4("haproxy"), 25)) == "250"


def test_impossible_claims_of_a_true_proxy(network, lab):
    lab()
    for header in ("v1-loopback", "v2-ipv6-loopback"):
        said = attack(network, MAIL, header, "dialog", host="haproxy")
        assert said.startswith(b"421"), said
    assert greeted(attack(network, MAIL, "v1-fresh", "dialog", host="haproxy"))
