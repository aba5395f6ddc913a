"""The proof at the milter without Postfix: who is turned away when he comes,
who when he says what he wants, and what the daemon needs for it. What it is
worth, test_proxy_lab.py shows."""
import itertools
import os
import re
import shutil
import signal
import subprocess

import pytest

from harness.milter_client import (NEGOTIATE, MilterClient, connect_packet,
                                   connect_packets, macros, packet)
from harness.policyd import MILTER, Milter, render
from harness.ports import free_port
from harness.process import OWN_PIDS, Process
from harness.smtpd import Smtpd, has_peer_pidfd
from harness.wait import PATIENT, wait_until

PROXY, STRANGER, CLIENT = "127.0.60.1", "127.0.66.1", "198.51.100.7"
REFUSED = "y421 4.7.1 Error: not through a trusted proxy"


class Site:
    """A milter, and smtpd processes that come to it."""

    def __init__(self, place, keep, **milter):
        place.chmod(0o777)
        self.place, self.keep, self.port = place, keep, free_port()
        self.fronted = free_port()
        self._numbers = itertools.count(1)
        self.milter = keep(Milter(
            place / "milter", sections=self.sections(), options={
                "exempt_clients": ["203.0.113.0/24"],
                "client_limits_at": "milter",
                "client_message_rate_limit": 2, **PATIENT}, **milter))

    def sections(self, *trusted):
        return [("service", "proxied", {
                    "port": self.port, "names": ["mail.example"],
                    "proxied": True, "trusted_proxies": trusted or [PROXY]}),
                ("service", "fronted", {
                    "port": self.fronted, "proxied": True,
                    "trusted_proxies": [PROXY],
                    "frontends": ["192.0.2.25:25"]}),
                ("service", "named", {
                    "names": ["relay.example"], "proxied": True,
                    "trusted_proxies": trusted or [PROXY],
                    "unproxied_mail": "defer"})]

    def smtpd(self, peer=None, kind="client", port=None):
        """Each listens at an address of its own, with the port of all."""
        return self.keep(Smtpd(peer, port or self.port, kind,
                               f"127.0.70.{next(self._numbers)}"))

    def session(self, smtpd):
        """Negotiated."""
        return self.keep(MilterClient(smtpd.connect(self.milter.socket)))

    def ask(self, smtpd, client=CLIENT, service="mail.example"):
        """What its CONNECT is answered."""
        return self.session(smtpd).connect(client, service)

    def trust(self, *trusted):
        reloads = self.milter.metric("tollgate_reloads_total")
        self.milter.sections = self.sections(*trusted)
        self.milter.write_config()
        self.milter.process.signal(signal.SIGHUP)
        wait_until(lambda: self.milter.metric("tollgate_reloads_total")
                   > reloads, 5, "the reload has happened")

    def refusals(self, what):
        """Lines of the log."""
        return [line for line in self.milter.process.text().splitlines()
                if "verdict=" in line and what in line]


@pytest.fixture(scope="module")
def site(places, keeps):
    return Site(places, keeps)


def hangs_up(peer):
    try:
        return peer.recv(100) == b""
    except ConnectionResetError:
        return True


def test_a_stranger_is_turned_away(site):
    before = len(site.refusals("reason=untrusted"))
    session = site.session(site.smtpd(STRANGER))
    assert session.connect("198.51.100.77") == REFUSED
    assert hangs_up(session.socket)
    lines = site.refusals("reason=untrusted")[before:]
    assert len(lines) == 1
    assert re.search(rf"face=milter service=proxied client=198.51.100.77 "
                     rf"peer={STRANGER} port={site.port} verdict=refuse "
                     rf"reason=untrusted", lines[0]), lines


@pytest.mark.parametrize("client", ["127.0.0.1", "203.0.113.1", PROXY, "::1"])
def test_no_claim_helps_a_stranger(site, client):
    assert site.ask(site.smtpd(STRANGER), client) == REFUSED


def test_through_the_proxy(site):
    session = site.session(site.smtpd(PROXY))
    assert session.connect(CLIENT) == "c"
    assert [session.send() for _ in range(2)] == ["c", "c"]
    assert session.open_message().startswith(
        "y450 4.7.1 Error: too much mail")
    assert not site.refusals(f"peer={PROXY} port={site.port} verdict=refuse")


@pytest.mark.parametrize("kind", ["client", "handed-on"])
def test_the_port_tells_the_service(site, kind):
    """postscreen's smtpd has no listener, and all may have one name."""
    assert site.ask(site.smtpd(STRANGER, kind), service="") == REFUSED
    assert site.ask(site.smtpd(PROXY, kind), service="") == "c"


def test_a_client_that_has_gone(site):
    assert site.ask(site.smtpd(PROXY, "reset")) == REFUSED
    assert site.refusals("reason=unproven")


def test_another_port_is_another_service(site):
    assert site.ask(site.smtpd(STRANGER, port=free_port())) == "c"


def test_a_service_that_only_has_a_name(site):
    """What comes before CONNECT does not tell: judged there."""
    port = free_port()
    for peer, answer in ((STRANGER, REFUSED), (PROXY, "c")):
        smtpd = site.smtpd(peer, port=port)
        assert site.ask(smtpd, service="relay.example") == answer
    handed_on = site.smtpd(PROXY, "handed-on", free_port())
    assert site.ask(handed_on, service="relay.example") == REFUSED


def test_local_submission(site):
    """cleanup for non_smtpd_milters: no TCP socket, and a name like any."""
    local = site.smtpd(kind="local")
    for service in ("mail.example", "relay.example", ""):
        session = site.session(local)
        assert session.connect("127.0.0.1", service) == "c"
        assert session.open_message() == "c"


def test_claims_of_the_proxy(site):
    proxy = site.smtpd(PROXY)
    assert site.ask(proxy, "127.0.0.1").startswith("y421 4.7.1 Error: imposs")
    exempt = site.session(proxy)
    assert exempt.connect("203.0.113.1") == "c"
    assert [exempt.send() for _ in range(4)] == ["c"] * 4


@pytest.mark.parametrize("port, answer", [
    (25, "c"), (26, "y421 4.7.1 Error: not through a frontend of ours")])
def test_the_destination_in_the_header(site, port, answer):
    session = site.session(site.smtpd(PROXY, port=site.fronted))
    assert session.ask(
        macros(b"C", daemon_addr="192.0.2.25", daemon_port=str(port)),
        connect_packet(CLIENT)) == answer


def test_the_proxy_itself(site):
    """Its checks count nothing; its mail counts together, or is deferred."""
    proxy = site.smtpd(PROXY)
    for _ in range(5):
        assert site.ask(proxy, PROXY) == "c"
    session = site.session(proxy)
    assert session.connect(PROXY) == "c"
    answers = [session.send() for _ in range(3)]
    assert answers[:2] == ["c", "c"] and answers[2].startswith("y450")
    named = site.session(site.smtpd(PROXY, port=free_port()))
    assert named.connect(PROXY, "relay.example") == "c"
    assert named.open_message() == \
        "y450 4.7.1 Error: mail has to come through the proxy"


def test_a_reload_takes_trust_away(site):
    proxy = site.smtpd(PROXY)
    under_way = site.session(proxy)
    assert under_way.connect(CLIENT) == "c"
    site.trust("127.0.60.2")
    assert site.ask(proxy) == REFUSED
    assert under_way.open_message() == REFUSED
    site.trust(PROXY)
    assert site.ask(proxy) == "c"


def test_silence_and_rubbish_stop_nobody(site):
    stranger, proxy = site.smtpd(STRANGER), site.smtpd(PROXY)
    silent = [stranger.connect(site.milter.socket) for _ in range(50)]
    for peer, said in zip(silent, (
            b"\xff" * 8, b"\0\0\0\0", packet(b"O"), packet(b"Q"),
            packet(b"C", b"x" * 9999), packet(b"C"), b"\0\0\0")):
        peer.sendall(said)
    assert site.ask(proxy) == "c"
    lines = site.refusals("reason=untrusted")
    for peer in silent:
        peer.close()
    wait_until(lambda: len(site.refusals("reason=untrusted"))
               >= len(lines) + 40, 5, "each is one line")
    assert f"service=proxied peer={STRANGER} " in \
        site.refusals("reason=untrusted")[-1]


def test_the_negotiation_in_pieces(site):
    peer = site.smtpd(STRANGER).connect(site.milter.socket)
    for byte in NEGOTIATE:
        peer.sendall(bytes([byte]))
    assert peer.recv(100)[4:5] == b"O"
    for byte in connect_packets("2001:db8::1", "x" * 2000):
        peer.sendall(bytes([byte]))
    assert peer.recv(600)[4:] == REFUSED.encode() + b"\0"
    assert site.refusals("client=2001:db8::1 ")


def test_nothing_is_left(site):
    """Neither descriptors nor threads, after a thousand."""
    pid, smtpd = site.milter.process.pid, site.smtpd(STRANGER)

    def held():
        return (len(os.listdir(f"/proc/{pid}/fd")),
                len(os.listdir(f"/proc/{pid}/task")))
    before = held()
    for _ in range(1000):
        peer = smtpd.connect(site.milter.socket)
        peer.sendall(NEGOTIATE + connect_packets(CLIENT))
        while not hangs_up(peer):
            pass
        peer.close()
    wait_until(lambda: held() <= before, 5, lambda: f"{before} again: {held()}")


def test_the_successor_proves_too(place, keep, end_pid):
    site = Site(place, keep)
    end_pid(site.milter.hand_over())
    assert site.ask(site.smtpd(STRANGER)) == REFUSED
    assert site.milter.process.wait_exit() == 0


@pytest.mark.skipif(not has_peer_pidfd(), reason="needs Linux 6.5")
def test_in_a_pid_namespace_of_its_own(place, keep):
    site = Site(place, keep, before=OWN_PIDS)
    assert site.ask(site.smtpd(STRANGER)) == REFUSED
    assert site.ask(site.smtpd(PROXY)) == "c"
    assert f"peer={STRANGER} port={site.port} " in \
        site.refusals("reason=untrusted")[0]


def test_over_inet(place, keep):
    listen = f"inet:127.0.0.1:{free_port()}"
    site = Site(place, keep, listen=listen)
    server = ("127.0.0.1", int(listen.rsplit(":", 1)[1]))
    for service in ("mail.example", "relay.example", "", "other"):
        peer = keep(MilterClient(server))
        assert peer.connect(CLIENT, service).startswith("y451 4.3.5 ")
    done = subprocess.run([MILTER, "-t", "-c", site.milter.config],
                          capture_output=True, text=True, check=True)
    assert re.search("warning: .*nothing can be proven over inet",
                     done.stderr), done.stderr


def capabilities(pid):
    status = open(f"/proc/{pid}/status", encoding="ascii").read()
    return set(re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\t(\w+)$", status,
                          re.MULTILINE))


def test_capabilities(site, place, keep):
    assert capabilities(site.milter.process.pid) == {f"{1 << 19:016x}"}
    other = keep(Milter(place / "milter", sections=[
        ("service", "25", {"names": ["mail.example"]})]))
    assert capabilities(other.process.pid) == {"0" * 16}


def start_bare(site, place, keep, program, *before, **service):
    config = place / "bare.conf"
    config.write_text(render({"user": "nobody", "group": "nogroup"}, [
        ("service", "proxied", {"port": site.port, "proxied": True,
                                "trusted_proxies": [PROXY], **service}),
        ("milter", None, {"listen": f"unix:{place}/tollgate-milter/milter",
                          "control": "",
                          "http": f"127.0.0.1:{free_port()}"})]))
    place.chmod(0o777)
    return keep(Process([*before, program, "-c", config], place / "bare.log"))


def test_start_without_the_capability(site, place, keep):
    bare = start_bare(site, place, keep, MILTER, "setpriv",
                      "--bounding-set=-sys_ptrace", "--inh-caps=-all")
    assert bare.wait_exit() == 2
    assert "CAP_SYS_PTRACE is missing" in bare.text()


def test_libmilter_has_another_accept(site, place, keep):
    """As if the linker had hidden ours: the name in the table is spoilt."""
    program = place / "tollgate-milter-other"
    shutil.copy(MILTER, program)
    content = program.read_bytes()
    assert content.count(b"\0accept\0") >= 1
    program.write_bytes(content.replace(b"\0accept\0", b"\0accepx\0"))
    bare = start_bare(site, place, keep, program)
    assert bare.wait_exit() == 2
    assert "libmilter does not call our accept" in bare.text()
    off = start_bare(site, place, keep, program, proxied=False, proof="off",
                     trusted_proxies=[])
    off.wait_output(" serves, ")
    assert off.terminate() == 0
