"""The gate before a real Postfix: honest clients reach an smtpd, nobody else
wakes one, and policyd has no capability for it."""
import os
import re
import socket
import struct
import sys

import pytest

from harness.control import asked, tollgatectl
from harness.gate_site import PROXY, STRANGER, GateSite, GateSmtp, v1, v2
from harness.haproxy import Haproxy
from harness.ports import free_port
from harness.smtp import Smtp
from harness.wait import wait_until
from proxy_lab.attack import HEADERS

CLIENT = "198.51.100.7"
FORGED = 1000
FRONT = ("127.0.0.9", free_port("127.0.0.9"))


@pytest.fixture(scope="module")
def site(places, keeps):
    return GateSite(places, keeps, service={
        "trusted_proxies": [PROXY, FRONT[0]],
        "frontends": ["192.0.2.25:25", f"{FRONT[0]}:{FRONT[1]}"]}, options={
            "impossible_clients": ["127.0.0.0/24"]})


def test_a_client_reaches_smtpd(site):
    mark = site.postfix.log.mark()
    with GateSmtp(site, v1(CLIENT, 4711)) as session:
        assert session.hello().send_message() == "250", session.text
        session.quit()
    site.postfix.log.wait_for(rf"connect from unknown\[{CLIENT}\]", since=mark)


def test_no_capability_and_no_group_but_the_socket_s(site):
    status = site.policyd.process.status()
    sets = dict(re.findall(r"^Cap(\w+):\t(\w+)$", status, re.MULTILINE))
    for kind in ("Inh", "Prm", "Eff", "Amb"):
        assert sets[kind] == "0" * 16
    folder = os.stat(site.postfix.queue / "public")
    assert f"\nGroups:\t{folder.st_gid} \n" in status
    assert "\nUid:\t65534\t" in status


def test_both_faces_believe_it(site):
    """Proof is required, and none is to be had of the kernel."""
    def decided(result):
        return len(re.findall(
            rf'tollgate_proofs_total{{face="(?:anvil|policy)",'
            rf'result="{result}"}} [1-9]', site.policyd.get("/metrics")[1]))
    with GateSmtp(site, v1(CLIENT)) as session:
        assert session.hello().send_message() == "250", session.text
        session.quit()
    assert decided("trusted") == 2
    assert decided("unproven") == decided("untrusted") == 0


@pytest.mark.parametrize("header", [v1(CLIENT), v2(CLIENT), v2(
    CLIENT, tlvs=b"\x04" + struct.pack("!H", 3000) + bytes(3000))],
                         ids=["v1", "v2", "large"])
def test_a_header_in_pieces_and_bytes_behind_it(site, header):
    """One write a byte; the client's own bytes go on with the last."""
    pieces = [bytes([byte]) for byte in header]
    pieces[-1] += b"EHLO early.example\r\n"
    if len(header) > 1000:
        pieces = [header[:700], header[700:] + b"EHLO early.example\r\n"]
    with GateSmtp(site, pieces) as session:
        assert session.greeting == "220", session.text
        assert session.read_reply() == "250", session.text
        session.quit()


@pytest.mark.parametrize("header", ["send-proxy", "send-proxy-v2"])
def test_haproxy(site, place, keep, header):
    """It checks its server meanwhile, which no smtpd hears of."""
    mark, lines = site.mark(), site.postfix.log.mark()
    before = site.ends("check")
    proxy = keep(Haproxy(place / "haproxy", FRONT, site.server,
                         "check inter 50ms", header))
    wait_until(lambda: site.ends("check") > before + 4, 20, "checks")
    assert site.wakes(mark) == 0
    with Smtp(proxy.server, "127.0.7.7") as session:
        assert session.hello().send_message() == "250", session.text
        session.quit()
    site.postfix.log.wait_for(r"connect from unknown\[127.0.7.7\]", lines)


def test_no_forged_session_is_handed_on(site):
    """Whatever the header says; 421 and a line for each."""
    mark, said = site.mark(), site.policyd.process.text()
    names = list(HEADERS)
    for number in range(FORGED):
        with GateSmtp(site, HEADERS[names[number % len(names)]](),
                      STRANGER) as session:
            assert session.greeting == "421", session.text
            assert "not through a trusted proxy" in session.text
    lines = site.policyd.process.text()[len(said):]
    assert len(re.findall(
        rf"decision face=gate service=12525 peer={STRANGER} port={site.port} "
        rf"verdict=refuse reason=untrusted$", lines, re.MULTILINE)) == FORGED
    assert site.wakes(mark) == 0


@pytest.mark.parametrize("header", [
    b"EHLO client.example\r\n", b"PROXY TCP4 198.51.100.7\r\n",
    b"PROXY TCP4 198.51.100.777 192.0.2.25 1 25\r\n",
    v2(CLIENT)[:12] + b"\x31" + v2(CLIENT)[13:]],
                         ids=["none", "cut", "address", "version"])
def test_a_proxy_without_a_header(site, header):
    mark, said = site.mark(), site.policyd.process.text()
    before = site.ends("header")
    with GateSmtp(site, header) as session:
        assert session.greeting == "421"
        assert session.text == "421 4.7.0 Error: no valid PROXY header"
    site.wait_ends("header", before + 1)
    assert re.search(
        rf"decision face=gate service=12525 peer={PROXY} port={site.port} "
        rf"verdict=refuse reason=header fault=.",
        site.policyd.process.text()[len(said):])
    assert site.wakes(mark) == 0


@pytest.mark.parametrize("header,reason,words", [
    (v1("127.0.0.1"), "impossible", "impossible client address"),
    (v1(CLIENT, server="192.0.2.26"), "frontends", "not through a frontend"),
    (v1("203.0.113.9"), "banned", "access denied")])
def test_claims_and_bans(site, header, reason, words):
    done = tollgatectl("ban", "203.0.113.9", "1h", sockets=[site.policyd])
    assert done.returncode == 0, done.stderr
    mark, said = site.mark(), site.policyd.process.text()
    with GateSmtp(site, header) as session:
        assert session.greeting == "421" and words in session.text
    assert re.search(rf"decision face=gate .* reason={reason}$",
                     site.policyd.process.text()[len(said):], re.MULTILINE)
    assert site.wakes(mark) == 0


def tlv(kind, value):
    return bytes([kind]) + struct.pack("!H", len(value)) + value


def test_a_refusal_tells_what_the_proxy_told(site):
    """The name and the way by which the client came to it; another log reader
    finds the line there by the proxy's number."""
    done = tollgatectl("ban", "203.0.113.10", "1h", sockets=[site.policyd])
    assert done.returncode == 0, done.stderr
    header = v2("203.0.113.10", tlvs=(
        tlv(0x02, b"mx.example.com") + tlv(0x05, b"\x01\xab") +
        tlv(0x20, b"\x01\0\0\0\0" + tlv(0x21, b"TLSv1.3")) +
        tlv(0xea, b"\x01vpce-0 \"1")))
    with GateSmtp(site, header) as session:
        assert session.greeting == "421", session.text
    assert re.search(
        rf"decision face=gate service=12525 .*client=203\.0\.113\.10 "
        rf"peer={PROXY} port={site.port} tls=TLSv1\.3 "
        r'authority=mx\.example\.com unique_id=01ab endpoint="vpce-0 \\"1" '
        r".*verdict=refuse reason=banned", site.policyd.process.text())


def leave_at_once(connection):
    connection.close()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
    connection.close()


def local(connection):
    connection.sendall(HEADERS["v2-local"]())
    assert connection.recv(4) == b"220 "
    connection.close()


def itself(connection):
    """As HAProxy checks with a header of version 1."""
    (source, port), (server, at) = (
        connection.getsockname(), connection.getpeername())
    connection.sendall(
        f"PROXY TCP4 {source} {server} {port} {at}\r\n".encode())
    assert connection.recv(4) == b"220 "
    connection.close()


def smtp_check(connection):
    """HAProxy's "option smtpchk", over a header of version 1."""
    connection.sendall(b"PROXY UNKNOWN\r\n")
    with connection.makefile("rb") as replies:
        assert replies.readline().startswith(b"220 ")
        connection.sendall(b"EHLO localhost\r\n")
        assert replies.readline() == b"250 tollgate\r\n"
        connection.sendall(b"QUIT\r\n")
        assert replies.readline() == b"221 2.0.0 Bye\r\n"
        assert replies.readline() == b""


@pytest.mark.parametrize("check", [leave_at_once, reset, local, itself,
                                   smtp_check])
def test_health_checks_wake_nobody(site, check):
    mark, said = site.mark(), site.policyd.process.text()
    ended = site.ends("check") + site.ends("gone")
    for _ in range(20):
        check(site.connect())
    wait_until(lambda: site.ends("check") + site.ends("gone") == ended + 20,
               10, "all are over")
    assert site.policyd.process.text() == said
    assert site.wakes(mark) == 0


def test_a_client_on_the_proxy_s_host_is_none(site):
    """Its port towards the proxy may be the proxy's towards us."""
    mark = site.postfix.log.mark()
    connection = site.connect()
    source, port = connection.getsockname()
    session = GateSmtp.__new__(GateSmtp)
    session.start(connection)
    session.send(v1(source, port))
    assert session.read_reply() == "220", session.text
    session.quit()
    session.close()
    site.postfix.log.wait_for(rf"connect from \S+\[{source}\]", since=mark)


def test_a_proxy_sends_no_mail_of_its_own(site):
    """Its address may be in mynetworks."""
    for header in ("v2-local", "v2-unspec", "v1-unknown"):
        with GateSmtp(site, HEADERS[header]()) as session:
            assert session.command("EHLO proxy") == "250"
            assert session.mail() == "421"
            assert session.text == \
                "421 4.7.0 Error: the proxy names no client"


def test_no_descriptor_is_left(site):
    """Of whatever the other tests and this one have done."""
    def held():
        return len(os.listdir(f"/proc/{site.policyd.process.pid}/fd"))
    wait_until(lambda: site.policyd.metric("tollgate_gate_connections") == 0,
               20, "all are over")
    before = held()
    for number in range(60):
        with GateSmtp(site, v1(CLIENT) if number % 2 else b"x") as session:
            assert session.greeting == ("220" if number % 2 else "421")
    wait_until(lambda: site.policyd.metric("tollgate_gate_connections") == 0,
               20, "all are over")
    wait_until(lambda: held() <= before + 4, 20,  # faces of new smtpds
               lambda: f"{held()} of {before}")


def test_status_knows_it(site):
    status = asked(site.policyd, "status")
    assert status["phase"] == "serving"
    assert status["gates"]["in_hand"] == 0
    for end in ("passed", "refused", "check", "header"):
        assert status["gates"][end] == site.ends(end) > 0
    assert f"; {status['gates']['passed']} passed, " in \
        tollgatectl("status", sockets=[site.policyd]).stdout
    assert site.policyd.get("/readyz") == (200, "ready\n")


# Executes policyd as a socket unit of systemd does.
LEND = """
import os, socket, sys
port, *command = sys.argv[1:]
lent = socket.create_server(("127.0.0.1", int(port)))
os.dup2(lent.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(command[0], command)
"""


def test_a_gate_that_systemd_has_bound(place, keep):
    """Nobody else could: it listens since before policyd was there."""
    site = GateSite(place, keep, before=lambda port: (
        sys.executable, "-c", LEND, str(port)))
    mark = site.mark()
    with GateSmtp(site, v1(CLIENT)) as session:
        assert session.hello().send_message() == "250", session.text
        session.quit()
    with GateSmtp(site, v1(CLIENT), source=STRANGER) as forged:
        assert forged.greeting == "421"
    assert site.wakes(mark) == 1
    assert "LISTEN_FDS" not in site.policyd.process.text()
