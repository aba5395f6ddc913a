"""The milter face without a Postfix: what it asks for, and what no Postfix
says."""
import socket

import pytest

from harness.milter_client import (
    NO_BODY, NO_DATA, NO_HEADERS, NO_HELO, NR_CONNECT, MilterClient,
    open_socket, packet, texts)
from harness.policyd import Milter
from harness.ports import free_port
from harness.wait import PATIENT, wait_until

CLIENT = "198.51.100.1"


@pytest.fixture
def start(place, keep):
    def one(*limits, listen=None, header="", **options):
        return keep(Milter(
            place / "milter", listen, options={**PATIENT, **options},
            sections=[("limit", f"limit{n}", {"at": "milter", **limit})
                      for n, limit in enumerate(limits)],
            milter={"header": header}))
    return one


@pytest.fixture
def session(keep):
    """session(milter, client): negotiated and connected."""
    def one(milter, client=CLIENT):
        peer = keep(MilterClient(milter.socket))
        assert peer.connect(client) == "c"
        return peer
    return one


def message_limit(count, **more):
    return {"event": "message", "key": ["client"], "rate": f"{count}/1h",
            **more}


def test_only_needed_steps(start, session):
    steps = session(start(message_limit(3))).steps
    assert steps & NO_DATA and steps & NO_HEADERS and steps & NO_BODY
    assert steps & NO_HELO and not steps & NR_CONNECT


def test_helo_and_content_where_limits_need_them(start, session):
    steps = session(start(
        {"event": "message", "key": ["helo"], "rate": "3/1h"},
        {"event": "bytes", "key": ["client"], "rate": "30/1h"})).steps
    assert not steps & (NO_HELO | NO_HEADERS | NO_BODY)


def test_inet_answers_data(start, keep):
    port = free_port()
    start(message_limit(3), listen=f"inet:127.0.0.1:{port}")
    peer = keep(MilterClient(("127.0.0.1", port)))
    assert not peer.steps & NO_DATA
    assert [peer.connect(CLIENT), peer.mail(), peer.rcpt()] == ["c"] * 3
    assert peer.ask(packet(b"T")) == "c"


def test_macros_are_asked_for(start, session):
    symbols = session(start(message_limit(3))).symbols
    for name in ("daemon_name", "daemon_addr", "daemon_port", "client_addr",
                 "client_port", "client_connections", "auth_authen",
                 "rcpt_mailer"):
        assert b"{%s}" % name.encode() in symbols


def test_health_checks_are_harmless(start, session):
    milter = start(message_limit(3))
    for n in range(50):
        peer = open_socket(milter.socket)
        if n % 2:
            peer.sendall(packet(b"O")[:n % 5])
        peer.close()
    assert session(milter).open_message() == "c"
    assert milter.process.is_running()


def say_and_leave(peer, rubbish):
    """Waits for the other side to hang up."""
    try:
        peer.sendall(rubbish)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(4096):
            pass
    except ConnectionError:
        pass
    peer.close()


def test_rubbish_is_harmless(start, session):
    """Before, instead of and after negotiation."""
    milter = start(message_limit(3))
    for rubbish in (b"GET / HTTP/1.0\r\n\r\n", b"\0" * 64, b"\xff" * 64,
                    packet(b"M", texts("<a@b>")), packet(b"E"),
                    packet(b"C"), packet(b"?" * 50)):
        say_and_leave(open_socket(milter.socket), rubbish)
        say_and_leave(MilterClient(milter.socket).socket, rubbish)
    assert session(milter).open_message() == "c"
    wait_until(lambda: milter.metric("tollgate_connections") == 1, 5,
               "the others have gone")


def test_a_login_of_the_last_message_is_forgotten(start, session):
    peer = session(start({"event": "message", "key": ["sasl_username"],
                          "rate": "1/1h"}))
    assert peer.open_message(auth_authen="bob") == peer.end() == "c"
    assert peer.open_message() == "c"
    peer.abort()
    assert peer.open_message(auth_authen="bob").startswith("y450")


def test_rejected_recipients_of_a_login(start, session):
    """A stolen login that guesses is stopped, whatever its address; others at
    the same address are not."""
    milter = start({"event": "rejected_recipient", "key": ["sasl_username"],
                    "rate": "2/1h"})
    first = session(milter)
    assert first.open_message(auth_authen="bob") == "c"
    for n in range(3):
        assert first.rcpt(f"nobody{n}@test.example", mailer="error") == "c"
    refused = "y450 4.7.1 Error: too many rejected recipients from login bob"
    assert first.rcpt() == refused
    other = session(milter, "198.51.100.99")
    assert other.open_message(auth_authen="bob") == refused
    assert session(milter).open_message(auth_authen="eve") == "c"


def test_header(start, session):
    peer = session(start(message_limit(3), header="X-Tollgate"))
    peer.mail(auth_authen="bob")
    peer.rcpt()
    peer.rcpt("nobody@test.example", mailer="error")
    assert peer.end() == "c"
    assert peer.header == [
        "X-Tollgate",
        f"service=smtp client={CLIENT} recipients=1 rejected=1 sasl=bob"]


def test_exempt_clients_and_shadow(start, session):
    milter = start(message_limit(1, shadow=True),
                   {"event": "connection_count", "key": ["client"],
                    "count": 1},
                   exempt_clients=["192.0.2.0/24"])
    peers = [session(milter, "192.0.2.1") for _ in range(3)]
    assert [p.open_message() for p in peers] == ["c"] * 3
    peer = session(milter)
    assert [peer.open_message(), peer.end(), peer.open_message()] == ["c"] * 3
    milter.process.wait_output("verdict=would-refuse")
    assert MilterClient(milter.socket).connect(CLIENT) == \
        f"y421 4.7.0 Error: too many connections from {CLIENT}"


def test_ipv6_and_unknown_clients(start, session, keep):
    milter = start({"event": "connection_count", "key": ["client"],
                    "count": 1})
    session(milter, "2001:db8::1")
    again = keep(MilterClient(milter.socket))
    assert again.connect("2001:db8::2").startswith("y421")  # the same /64
    for _ in range(2):
        peer = keep(MilterClient(milter.socket))
        assert peer.ask(packet(b"C", texts("unknown") + b"U")) == "c"


def test_many_sessions_hold_their_places(start, session):
    milter = start({"event": "connection_count", "key": ["client"],
                    "count": 50})
    peers = [session(milter) for _ in range(50)]
    assert milter.metric("tollgate_leases") == 50
    assert MilterClient(milter.socket).connect(CLIENT).startswith("y421")
    for peer in peers[:25]:
        peer.quit()
    for peer in peers[25:]:
        peer.close()
    wait_until(lambda: milter.metric("tollgate_leases") == 0, 5,
               "all places are free")


def test_nobody_reads_an_empty_listen(place, keep):
    milter = keep(Milter(place / "milter", milter={"listen": ""}, wait=False))
    assert milter.process.wait_exit(10) == 2
    assert "milter.listen is empty" in milter.process.text()
