"""The proof without Postfix: what the daemon needs for it, and the lists of
proxies that change. What it is worth, test_proxy_lab.py shows."""
import os
import re
import signal
import socket
import struct
import subprocess
import threading

import pytest

from harness.attributes import Policy
from harness.policyd import POLICYD, Policyd, render
from harness.ports import free_port
from harness.process import Process
from harness.smtpd import FakeSmtpd
from harness.wait import wait_until

PROXY, STRANGER = "127.0.60.1", "127.0.66.1"
REFUSED = "421 4.7.1 Error: not through a trusted proxy"


@pytest.fixture
def site(place, keep):
    return Site(place, keep)


class Site:
    def __init__(self, place, keep):
        place.chmod(0o777)
        self.place, self.keep = place, keep
        self.port = free_port()
        self.policyd = None

    def section(self, trusted, **more):
        return ("service", "proxied",
                {"port": self.port, "proxied": True,
                 "trusted_proxies": list(trusted), **more})

    def start(self, *trusted, listen=(), options=None, **service):
        self.policyd = self.keep(Policyd(
            self.place / "policyd",
            [f"policy:unix:{self.place}/policy", *listen],
            sections=[self.section(trusted, **service)], options=options))
        return self.policyd

    def smtpd(self, peer, port=None):
        return self.keep(FakeSmtpd(
            self.place / "policy", port or self.port, peer))

    def reload(self, *sections):
        self.policyd.sections = list(sections)
        self.policyd.write_config()
        before = self._reloads()
        self.policyd.process.signal(signal.SIGHUP)
        wait_until(lambda: self._reloads() > before, 5, "reloaded or not")

    def _reloads(self):
        return (self.policyd.metric("tollgate_reloads_total")
                + self.policyd.metric("tollgate_reload_failures_total"))


def test_each_state_is_judged(site):
    policyd = site.start(PROXY)
    stranger = site.smtpd(STRANGER)
    for state in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE",
                  "VRFY"):
        assert stranger.ask(state=state) == REFUSED
    line = next(line for line in policyd.process.text().splitlines()
                if "reason=untrusted" in line)
    assert re.search(rf"face=policy service=proxied client=198.51.100.7 "
                     rf"peer={STRANGER} port={site.port} verdict=refuse "
                     rf"reason=untrusted", line), line
    assert policyd.metric("tollgate_proofs_total") == 7
    stranger.close()
    assert site.smtpd(PROXY).ask() == "DUNNO"


def test_only_this_capability_is_kept(site):
    policyd = site.start(PROXY)
    status = open(f"/proc/{policyd.process.pid}/status",
                  encoding="ascii").read()
    sets = dict(re.findall(r"^Cap(\w+):\t(\w+)$", status, re.MULTILINE))
    ptrace = f"{1 << 19:016x}"
    for kind in ("Inh", "Prm", "Eff", "Amb"):
        assert sets[kind] == ptrace
    assert "\nNoNewPrivs:\t1\n" in status
    assert "\nUid:\t65534\t" in status


def test_no_capability_without_a_service_that_wants_it(site):
    policyd = site.start(proxied=False, proof="off")
    status = open(f"/proc/{policyd.process.pid}/status",
                  encoding="ascii").read()
    assert set(re.findall(r"^Cap(?:Prm|Eff|Amb|Inh):\t(\w+)$", status,
                          re.MULTILINE)) == {"0" * 16}


def without_ptrace(site, proof):
    """A start by somebody who may do everything else."""
    config = site.place / "bare.conf"
    config.write_text(render(
        {"user": "nobody", "group": "nogroup"},
        [site.section([PROXY], proof=proof),
         ("policyd", None, {"listen": [f"policy:unix:{site.place}/policy"],
                            "socket_mode": "0666",
                            "http": f"127.0.0.1:{free_port()}"})]))
    return site.keep(Process(
        ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-all", POLICYD,
         "-c", config], site.place / "bare.log"))


def test_start_without_the_capability(site):
    bare = without_ptrace(site, "required")
    assert bare.wait_exit() == 2
    assert re.search('proof = "required": CAP_SYS_PTRACE is missing.*'
                     "AmbientCapabilities=CAP_SYS_PTRACE", bare.text())


def test_optional_without_the_capability(site):
    bare = without_ptrace(site, "optional")
    bare.wait_output(" serves, ")
    assert "warn: peers cannot be proven: CAP_SYS_PTRACE is missing" \
        in bare.text()
    assert site.smtpd(STRANGER).ask() == "DUNNO"
    assert bare.terminate() == 0


def test_unprivileged_with_the_capability(site):
    """As systemd and Kubernetes start it: no root, one ambient capability.
    And its successor has it too."""
    config = site.place / "user.conf"
    port = free_port()
    config.write_text(render({}, [
        site.section([PROXY]),
        ("policyd", None, {"listen": [f"policy:unix:{site.place}/policy"],
                           "socket_mode": "0666",
                           "http": f"127.0.0.1:{port}"})]))
    user = site.keep(Process(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
         "--inh-caps=+sys_ptrace", "--ambient-caps=+sys_ptrace", POLICYD,
         "-c", config], site.place / "user.log"))
    user.wait_output(" serves, ")
    proxy, stranger = site.smtpd(PROXY), None
    assert proxy.ask() == "DUNNO"
    user.signal(signal.SIGUSR2)
    user.wait_output("finishing open sessions")
    successor = int(re.search(r"successor (\d+) serves", user.text())[1])
    try:
        proxy.close()
        assert user.wait_exit() == 0
        stranger = site.smtpd(STRANGER)
        assert stranger.ask() == REFUSED
        stranger.close()
        assert site.smtpd(PROXY).ask() == "DUNNO"
    finally:
        os.kill(successor, signal.SIGKILL)


def test_a_reload_cannot_bring_the_capability_back(site):
    policyd = site.start(proxied=False, proof="off")
    site.reload(site.section([PROXY]))
    assert policyd.metric("tollgate_reload_failures_total") == 1
    assert "CAP_SYS_PTRACE is missing" in policyd.process.text()


def test_a_proxy_is_removed_by_reload(site):
    site.start(PROXY)
    proxy = site.smtpd(PROXY)
    assert proxy.ask() == "DUNNO"
    site.reload(site.section(["127.0.60.2"]))
    assert proxy.ask() == REFUSED
    site.reload(site.section([PROXY]))
    assert proxy.ask() == "DUNNO"


def test_a_list_in_a_file_is_followed(site):
    path = site.place / "proxies"
    path.write_text("127.0.60.2\n")
    site.start(f"file:{path}")
    proxy = site.smtpd(PROXY)
    assert proxy.ask() == REFUSED
    path.write_text(f"# two\n127.0.60.2\n{PROXY}\n")
    wait_until(lambda: proxy.ask() == "DUNNO", 3, "the file is read")
    path.write_text("nonsense\n")
    site.policyd.process.wait_output("the last good list stays")
    assert proxy.ask() == "DUNNO"


class NameServer:
    """Answers every question for an IPv4 address with its address, and has
    none of another kind."""

    def __init__(self, address, answer):
        self.answer = answer
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._socket.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ended.is_set():
            try:
                question, client = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            self.asked += 1
            self._socket.sendto(self._reply(question), client)

    def _reply(self, question):
        end = question.index(b"\0", 12) + 5
        kind, = struct.unpack("!H", question[end - 4:end - 2])
        answers = [] if kind != 1 or self.answer is None else [self.answer]
        return (question[:2] + struct.pack(
            "!HHHHH", 0x8180, 1, len(answers), 0, 0) + question[12:end]
            + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4)
                       + socket.inet_aton(answer) for answer in answers))

    def close(self):
        self._ended.set()
        self._thread.join()
        self._socket.close()


def test_a_name_that_is_pointed_elsewhere(site, place, keep):
    server = keep(NameServer("127.0.53.1", "127.0.60.2"))
    resolv = place / "resolv.conf"
    resolv.write_text("nameserver 127.0.53.1\n")
    start_with_resolver(site, resolv)
    proxy = site.smtpd(PROXY)
    wait_until(lambda: server.asked > 0, 5, "the name is asked for")
    assert proxy.ask() == REFUSED
    server.answer = PROXY
    wait_until(lambda: proxy.ask() == "DUNNO", 30, "the new address is obeyed")
    server.answer = None
    asked = server.asked
    wait_until(lambda: server.asked >= asked + 2, 30, "it is asked for again")
    assert proxy.ask() == "DUNNO"


def start_with_resolver(site, resolv):
    site.policyd = site.keep(Policyd(
        site.place / "policyd", [f"policy:unix:{site.place}/policy"],
        sections=[site.section(["dns:traefik.lab.test"])],
        before=["unshare", "--mount", "sh", "-c",
                f"mount --bind {resolv} /etc/resolv.conf && exec \"$@\"",
                "sh"]))


def test_nothing_is_proven_over_inet(site):
    port = free_port()
    site.start(PROXY, listen=[f"policy:inet:127.0.0.1:{port}"])
    with Policy(("127.0.0.1", port)) as smtpd:
        for context in ("proxied", "", "other"):
            assert smtpd.rcpt("198.51.100.7", policy_context=context) \
                .startswith("451 4.3.5 ")
    done = subprocess.run([POLICYD, "-t", "-c", site.policyd.config],
                          capture_output=True, text=True, check=True)
    assert "warning: " in done.stderr
    assert "nothing can be proven over inet" in done.stderr


def test_a_process_without_a_client_is_no_forger(site):
    """Local submission; but it cannot come as a service that is proxied."""
    site.start(PROXY)
    with Policy(site.place / "policy") as local:
        assert local.rcpt("127.0.0.1") == "DUNNO"
        assert local.rcpt("127.0.0.1", policy_context="proxied") == REFUSED


def test_another_port_is_another_service(site):
    site.start(PROXY)
    other = site.smtpd(STRANGER, free_port())
    assert other.ask() == "DUNNO"
    # A name that another port has is not this session's.
    assert other.ask(policy_context="proxied") == "DUNNO"
