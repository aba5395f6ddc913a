"""Certificates go live with the next handshake, through a real Postfix."""
import os
import random
import re
import stat
import threading
import time

import pytest

from harness.authority import Authority
from harness.cert_site import NAME, Acme, CertSite, s_client
from harness.socketmap import asked
from harness.tls import TlsSession, served
from harness.wait import wait_until

CLIENTS = 50
# At once, and within 2 s without a name; on a machine that others use as well.
# Who only polls would take a minute.
LIVE_S = 10


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "ca")


@pytest.fixture
def acme(place):
    return Acme(place / "acme")


def test_a_renewal_is_live_with_and_without_sni(authority, place, keep, acme):
    """RSA and ECDSA side by side."""
    first, second = [
        {kind: authority.issue(NAME, kind=openssl_kind, days=days)
         for kind, openssl_kind in (("rsa", "rsa"), ("ecdsa", "ec"))}
        for days in (90, 91)]

    def all_served(issued, name):
        return all(served(site.server, name, only=kind) == one.fingerprint
                   for kind, one in issued.items())

    acme.write(*first.values())
    site = CertSite(place, keep, acme.source)
    for name in (NAME, NAME.upper(), "other.example.com", None):
        assert all_served(first, name)
    acme.write(*second.values())
    wait_until(lambda: all_served(second, NAME), LIVE_S, site.log)
    wait_until(lambda: all_served(second, None), LIVE_S, site.log)
    for name in (NAME, None):
        assert second["ecdsa"].certificates[0].strip() in \
            s_client(site.server, name)
    assert "lookup problem" not in site.postfix.log.text()


def test_files_are_private_and_the_source_untouched(
        authority, place, keep, acme):
    acme.write(authority.issue(NAME))
    before = os.stat(acme.path)
    site = CertSite(place, keep, acme.source, postfix=False)
    after = os.stat(acme.path)
    assert (before.st_mode, before.st_mtime_ns, before.st_ino) == \
        (after.st_mode, after.st_mtime_ns, after.st_ino)
    assert stat.S_IMODE(site.tls.stat().st_mode) == 0o750
    chain = (site.tls / "default.pem").stat()
    assert stat.S_IMODE(chain.st_mode) == 0o600
    assert (site.tls / "refresh.cdb").stat().st_size == 2048
    pid = site.policyd.process.pid
    # Not dumpable: the kernel gives its files in /proc to root.
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    held = open(f"/proc/{pid}/status").read().split("CapEff:")[1].split()[0]
    assert int(held, 16) == 1 << 2, "CAP_DAC_READ_SEARCH alone"


def test_no_capability_without_a_certificate(place, keep):
    from harness.policyd import Policyd
    policyd = keep(Policyd(place / "policyd", [f"sni:unix:{place}/sni"]))
    assert asked(place / "sni", NAME) == []
    held = open(f"/proc/{policyd.process.pid}/status").read() \
        .split("CapPrm:")[1].split()[0]
    assert int(held, 16) == 0


def test_wildcards_cover_one_label(authority, place, keep, acme):
    one = authority.issue("*.example.com", "example.com")
    acme.write(one, name="*.example.com")
    site = CertSite(place, keep, acme.source, name="*.example.com",
                    postfix=False)
    for name in (NAME, "A.Example.COM", "example.com"):
        assert asked(site.sni, name) == [one.fingerprint], name
    for name in ("a.b.example.com", ".example.com", "com", "", "*",
                 "*.example.com", "a.example.com.", "a" * 300, "a example"):
        assert asked(site.sni, name) == [], name


def test_auto_takes_the_first_name_that_there_is_one_for(
        authority, place, keep, acme, monkeypatch):
    one = authority.issue("*.example.net")
    acme.write(one, name="*.example.net")
    monkeypatch.setenv("SSL_DOMAIN", "mail.nowhere.example")
    monkeypatch.setenv("HOSTNAME", "Mail.Example.net")
    monkeypatch.setenv("DOMAINNAME", "example.net")
    site = CertSite(place, keep, acme.source, name="auto", postfix=False)
    assert asked(site.sni, "mail.example.net") == [one.fingerprint]


class Load:
    """Clients that shake hands without a pause, of every kind."""

    def __init__(self, site, current):
        self.site, self.current = site, current
        self.handshakes = self.late = 0
        self.failures = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,))
                         for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _work(self, number):
        dice = random.Random(number)
        while not self._stopping.is_set() and len(self.failures) < 5:
            name = dice.choice([NAME, None])
            only = dice.choice(["rsa", "ecdsa", None])
            wrapped = number % 10 == 0
            server = self.site.smtps if wrapped else self.site.server
            started = time.monotonic()
            try:
                session = TlsSession(server, name, only, wrapped)
                seen = session.fingerprint
                assert session.command("EHLO client.example") == "250"
                assert session.command("MAIL FROM:<a@example.com>") == "250"
                session.quit()
            except Exception as error:  # whatever it is, it is one
                self.failures.append(repr(error))
                continue
            with self._lock:
                self.handshakes += 1
                promised = 1 if name else 2
                self.late += not self.current.allows(seen, started, promised)
                if not self.current.allows(seen, started, 2 * promised):
                    self.failures.append(f"{name}: stale certificate")
            time.sleep(dice.random() * 0.2)

    def end(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        assert self.failures == [], self.failures[:5]


class Current:
    """What may be served to a handshake that starts at a time."""

    def __init__(self):
        self.history = []

    def add(self, issued):
        self.history.append(
            (time.monotonic(), {one.fingerprint for one in issued}))

    def allows(self, fingerprint, started, after):
        """Nothing that was replaced more than after seconds before."""
        for number, (_, fingerprints) in enumerate(self.history):
            if fingerprint in fingerprints:
                replaced = self.history[number + 1:number + 2]
                if not replaced or started < replaced[0][0] + after:
                    return True
        return False


def test_rotation_under_load(authority, place, keep, acme):
    """acme.json is cut to nothing, and written a moment later, again and
    again: nobody's handshake fails, nobody's session is cut."""
    pairs = [(authority.issue(NAME, kind="rsa", days=90 + n),
              authority.issue(NAME, days=90 + n)) for n in range(4)]
    current = Current()
    acme.write(*pairs[0])
    current.add(pairs[0])
    site = CertSite(place, keep, acme.source,
                    main={"default_process_limit": 120})
    held = TlsSession(site.server, NAME)
    assert held.command("EHLO client.example") == "250"
    load = Load(site, current)
    try:
        for turn in range(100):
            pair = pairs[turn * len(pairs) // 100]
            acme.write_text("")
            time.sleep(0.03)
            acme.write(*pair)
            if pair is not pairs[len(current.history) - 1]:
                current.add(pair)
            time.sleep(0.07)
        wait_until(lambda: load.handshakes > 500 or load.failures, 120,
                   "many have shaken hands")
    finally:
        load.end()
    # Those few are a busy machine's.
    assert load.late <= load.handshakes / 100, (load.late, load.handshakes)
    assert held.command("MAIL FROM:<a@example.com>") == "250"
    held.quit()
    assert served(site.server, NAME, only="rsa") == pairs[-1][0].fingerprint
    # 3.11 names the command where it speaks of compatibility_level.
    assert not re.search(r"master\[\d+\]: reload", site.postfix.log.text())


def test_sni_over_a_restart_of_policyd(
        authority, place, keep, acme, end_pid):
    acme.write(authority.issue(NAME))
    site = CertSite(place, keep, acme.source)
    failures, seen = [], []
    stopping = threading.Event()

    def work():
        while not stopping.is_set():
            try:
                seen.append(served(site.server, NAME))
            except Exception as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        successor = site.policyd.hand_over()
        end_pid(successor)
        goal = len(seen) + 200
        wait_until(lambda: len(seen) > goal or failures, 60, "it goes on")
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert "lookup" not in site.postfix.log.text()
    site.policyd.process.wait_exit()
    # It may still read what only root may.
    new = authority.issue(NAME, days=95)
    acme.write(new)
    wait_until(lambda: asked(site.sni, NAME) == [new.fingerprint], LIVE_S,
               site.log)
    wait_until(lambda: served(site.server) == new.fingerprint, LIVE_S,
               site.log)
