"""policyd asks Postfix what it serves, after it has published."""
import contextlib
import json
import os
import re
import signal
import socket

import pytest

from harness.attributes import Policy
from harness.authority import Authority
from harness.cert_layouts import Combined
from harness.cert_site import NAME, Acme, CertSite
from harness.control import asked, tollgatectl
from harness.policyd import Policyd
from harness.ports import free_port
from harness.postfix import Postfix
from harness.process import running_with
from harness.wait import wait_until

GOOD = "served as published at"
BAD = "not served as published"
WAIT_S = 60


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "ca")


def verify_of(daemon, title=NAME):
    """What `certs list` says of a section."""
    return next(each["verify"] for each in
                asked(daemon, "certs", "list")["certificates"]
                if each["title"] == title)


def of_both(authority, days):
    return [authority.issue(NAME, kind=kind, days=days)
            for kind in ("rsa", "ec")]


def test_what_is_published_is_served(authority, place, keep):
    """By STARTTLS, in wrapper mode, and behind a PROXY header; by name and
    without one; RSA and ECDSA."""
    port, wrapped, proxied = free_port(), free_port(), free_port()
    acme = Acme(place / "acme")
    acme.write(*of_both(authority, 90))
    places = [f"127.0.0.1:{port}", f"tls:127.0.0.1:{wrapped}",
              f"proxy:127.0.0.1:{proxied}"]
    site = CertSite(
        place, keep, acme.source, ports=(port, wrapped),
        more={"verify": places}, main={"smtpd_tls_loglevel": 1}, services={
            f"127.0.0.1:{proxied}":
            "-o smtpd_upstream_proxy_protocol=haproxy"})
    asked(site.policyd, "certs", "reload")  # not to wait for the next look
    wait_until(lambda: GOOD in site.log(), WAIT_S, site.log)
    mail_log = site.postfix.log.mark()
    acme.write(*of_both(authority, 91))
    wait_until(lambda: site.log().count(GOOD) == 2, WAIT_S, site.log)
    assert BAD not in site.log()
    verify = verify_of(site.policyd)
    assert verify["problem"] is None and not verify["failed"]
    assert 0 < verify["good"] == verify["looked"]
    assert verify["places"] == ", ".join(places)
    assert site.policyd.metric("tollgate_certificate_verify_failed") == 0
    assert "verified at 127.0.0.1" in \
        tollgatectl("certs", sockets=[site.policyd]).stdout
    # Each place is asked for two algorithms, with a name and without.
    def sessions():
        return re.findall(r"disconnect from .*quit=1",
                          site.postfix.log.text()[mail_log:])
    wait_until(lambda: len(sessions()) >= 12, WAIT_S, site.postfix.log.text)
    text = site.postfix.log.text()[mail_log:]
    assert len(re.findall(rf"to {NAME}: TLS", text)) >= 6


class Mute:
    """A server that takes connections, and says nothing."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", free_port()))
        self._socket.listen(16)
        self.place = "127.0.0.1:%d" % self._socket.getsockname()[1]

    def close(self):
        self._socket.close()


class Wrong:
    """A policyd, and a Postfix that serves something else, or nothing."""

    KINDS = {
        "other": r"{}, SNI other.example, ECDSA: an older certificate is "
                 r"served: serial [0-9A-F]+, issued 20.*, SHA-256 [0-9a-f]{{64}}",
        "plain": r"{}, SNI plain.example, ECDSA: no STARTTLS offered",
        "refused": r"{}: Connection refused",
        "single": r"{}, SNI single.example, RSA: TLS: .*alert.*",
        "busy": r"{}, SNI busy.example, ECDSA: greeting: \"421 .*",
    }

    def __init__(self, place, keep, authority):
        self.ports = {kind: free_port() for kind in self.KINDS}
        self.titles = {kind: f"{kind}.example" for kind in self.KINDS}
        self.stores, sections = {}, []
        for kind, title in self.titles.items():
            folder = place / kind
            folder.mkdir()
            folder.chmod(0o755)
            self.stores[kind] = Acme(folder / "acme")
            sections.append(("certificate", title, {
                "source": self.stores[kind].source,
                "default_chain": place / "tls" / f"{kind}.pem",
                "refresh_map": place / "tls" / f"{kind}.cdb",
                "verify": f"127.0.0.1:{self.ports[kind]}"}))
        self.authority, self.days = authority, 80
        self.renew()
        self.chain = place / "static.pem"
        self.serve(authority.issue("other.example", days=70))
        self.policyd = keep(Policyd(
            place / "policyd", [f"sni:unix:{place}/sni"], sections=sections))
        self.postfix = keep(Postfix(
            place / "postfix", port=self.ports["other"], services={
                f"127.0.0.1:{self.ports['other']}": "",
                f"127.0.0.1:{self.ports['single']}": "",
                f"127.0.0.1:{self.ports['plain']}":
                "-o smtpd_tls_security_level=none",
                f"127.0.0.1:{self.ports['busy']}":
                "-o smtpd_upstream_proxy_protocol=haproxy "
                "-o smtpd_upstream_proxy_timeout=1s"},
            main={"smtpd_tls_security_level": "may",
                  "smtpd_tls_chain_files": self.chain}))
        self.postfix.start()

    def serve(self, issued):
        self.chain.write_text(issued.key + issued.chain)

    def renew(self):
        self.days += 1
        self.issued = {}
        for kind, title in self.titles.items():
            keys = ("rsa",) if kind == "single" else ("ec",)
            self.issued[kind] = [self.authority.issue(
                title, kind=key, days=self.days) for key in keys]
            self.stores[kind].write(*self.issued[kind], name=title)

    def said(self, kind):
        """The line of the log, once there is one."""
        found = re.findall(
            rf'certificate "{self.titles[kind]}": {BAD}: (.*)',
            self.policyd.process.text())
        return found[0] if found else None


def test_what_is_not_is_said(authority, place, keep):
    wrong = Wrong(place, keep, authority)
    wrong.renew()
    for kind, pattern in wrong.KINDS.items():
        wait_until(lambda: wrong.said(kind), WAIT_S,
                   wrong.policyd.process.text)
        place_text = f"127.0.0.1:{wrong.ports[kind]}"
        assert re.fullmatch(pattern.format(place_text),
                            verify_of(wrong.policyd, wrong.titles[kind])
                            ["problem"]), wrong.said(kind)
    assert wrong.policyd.metric("tollgate_certificate_verify_failed") == \
        len(wrong.KINDS)
    listed = tollgatectl("certs", sockets=[wrong.policyd]).stdout
    assert listed.count("NOT SERVED AS PUBLISHED") == len(wrong.KINDS)
    checked = tollgatectl("-j", "certs", "check", sockets=[wrong.policyd])
    assert checked.returncode == 1
    for each in json.loads(checked.stdout)["result"]["certificates"]:
        assert not each["good"]
        assert each["problem"].startswith("127.0.0.1:"), each
    assert f"{len(wrong.KINDS)} NOT SERVED AS PUBLISHED" in \
        tollgatectl("status", sockets=[wrong.policyd]).stdout
    # Mended, and said so.
    wrong.serve(wrong.issued["other"][0])
    wrong.postfix.reload()

    def is_mended():
        asked(wrong.policyd, "certs", "reload")  # not to wait for minutes
        return f'"{wrong.titles["other"]}": {GOOD}' in \
            wrong.policyd.process.text()
    wait_until(is_mended, WAIT_S, wrong.policyd.process.text)
    assert wrong.policyd.metric("tollgate_certificate_verify_failed") == \
        len(wrong.KINDS) - 1


def child_of(policyd):
    """The process that asks; None: there is none."""
    for pid in running_with(policyd.config):
        with open(f"/proc/{pid}/comm", encoding="ascii") as name:
            if name.read().strip() == "verify":
                return pid
    return None


@contextlib.contextmanager
def stopped(pid):
    """It does not come to its end meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def memory_has(pid, text):
    """Root may read it."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            begin, end = (int(each, 16) for each in span.split("-"))
            if not mode.startswith("rw"):
                continue
            memory.seek(begin)
            try:
                if text in memory.read(end - begin):
                    return True
            except OSError:  # not readable, as [vvar]
                continue
    return False


def test_a_mute_server_delays_nothing(authority, place, keep, is_sanitized):
    """Decisions go on while it is waited for; who waits has no key, and no
    rights. A sanitizer keeps copies of what has been freed."""
    mute = keep(Mute())
    combined = Combined(place)
    issued = authority.issue(NAME)
    combined.write(issued)
    policy = place / "policy"
    policyd = keep(Policyd(
        place / "policyd",
        [f"sni:unix:{place}/sni", f"policy:unix:{policy}"],
        options={"client_limits_at": "policy",
                 "client_recipient_rate_limit": 1000000},
        sections=[("certificate", NAME, {"source": combined.source,
                                         "verify": mute.place})]))
    pid = wait_until(lambda: child_of(policyd), WAIT_S, policyd.process.text)
    key = issued.key.splitlines()[1].encode()
    with Policy(policy) as smtpd:
        for _ in range(50):
            assert smtpd.rcpt("192.0.2.1") == "DUNNO"
    assert child_of(policyd) == pid, "all of that in one look"
    wait_until(lambda: "CapPrm:\t0000000000000000" in
               open(f"/proc/{pid}/status", encoding="ascii").read(), WAIT_S,
               "it has given up its rights")
    with stopped(pid):
        assert is_sanitized or not memory_has(pid, key)
    assert is_sanitized or memory_has(policyd.process.pid, key)
    wait_until(lambda: verify_of(policyd)["problem"], WAIT_S, "it gives up")
    assert verify_of(policyd)["problem"] == \
        f"{mute.place}, SNI {NAME}, ECDSA: greeting: no answer in time"
    assert BAD not in policyd.process.text(), "Postfix may be late"
