"""Where the kernel refuses a call of the proof, nobody is taken for proven or
for local, and the daemons say which call, why, and what to do."""
import json
import re
import subprocess

import pytest

from harness import refuse
from harness.control import TOLLGATECTL
from harness.milter_client import MilterClient
from harness.policyd import POLICYD, Milter, render
from harness.ports import free_port
from harness.process import Process
from harness.proof_site import (PROXY, REFUSED, STRANGER, ProofSite,
                                says_why)
from harness.smtpd import Smtpd, has_peer_pidfd

# Each with another errno; with all of them, test_peer_refused.c.
OF_SOCKETS = [("getsockname", "EPERM"), ("getpeername", "EPERM"),
              ("SO_TYPE", "ENOSYS"), ("SO_ACCEPTCONN", "EPERM")]
OF_PROCESSES = [("pidfd_getfd", "EPERM"), ("pidfd_getfd", "ENOSYS"),
                ("SO_PEERPIDFD", "EPERM")]


@pytest.fixture
def site(place, keep):
    return ProofSite(place, keep)


@pytest.mark.parametrize("call, error", OF_SOCKETS)
def test_policy(site, call, error):
    policyd = site.start(PROXY, before=refuse.under(call, error))
    for peer in (STRANGER, PROXY):
        smtpd = site.smtpd(peer)
        assert smtpd.ask() == REFUSED
        smtpd.close()
    says_why(policyd, "seccomp", call)


def test_doctor(site, place):
    """It asks the daemon, which knows what it runs under."""
    policyd = site.start(PROXY, before=refuse.under("getsockname", "EPERM"))
    etc = place / "etc"
    etc.mkdir()
    (etc / "main.cf").write_text("compatibility_level = 3.6\n")
    (etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")

    def findings():
        done = subprocess.run(
            [TOLLGATECTL, "-c", policyd.config, "-j", "doctor",
             "--postfix-config", etc], capture_output=True, text=True,
            check=False)
        return {one["name"]: one
                for one in json.loads(done.stdout)["result"]["findings"]}
    assert "proof-refused" not in findings()
    assert site.smtpd(STRANGER).ask() == REFUSED
    finding = findings()["proof-refused"]
    assert "(seccomp)" in finding["what"]
    assert finding["advice"].startswith("getsockname of smtpd's socket: ")


# Without a listener, as behind postscreen, SO_ACCEPTCONN is not asked.
@pytest.mark.parametrize("call, error, kind", [
    *((*one, "client") for one in OF_SOCKETS),
    *((*one, "handed-on") for one in OF_SOCKETS[:3])])
def test_milter(place, keep, call, error, kind):
    place.chmod(0o777)
    port = free_port()
    milter = keep(Milter(
        place / "milter", before=refuse.under(call, error), sections=[
            ("service", "proxied", {
                "port": port, "names": ["mail.example"], "proxied": True,
                "trusted_proxies": [PROXY]})]))
    smtpd = keep(Smtpd(STRANGER, port, kind, "127.0.70.1"))
    session = keep(MilterClient(smtpd.connect(milter.socket)))
    assert session.connect("198.51.100.7", "other.example").startswith("y421")
    says_why(milter, "seccomp", call)


def start_without(site, call, error):
    config = site.place / "bare.conf"
    config.write_text(render(
        {"user": "nobody", "group": "nogroup"},
        [site.section([PROXY]),
         ("policyd", None, {"listen": [f"policy:unix:{site.place}/policy"],
                            "control": "", "http": ""})]))
    return site.keep(Process(
        [*refuse.under(call, error), POLICYD, "-c", config],
        site.place / "bare.log"))


@pytest.mark.parametrize("call, error", OF_PROCESSES)
def test_no_process_can_be_looked_into(site, call, error):
    """Seen at the start, on a child that is as an smtpd is."""
    if call == "SO_PEERPIDFD" and not has_peer_pidfd():
        pytest.skip("needs Linux 6.5")
    bare = start_without(site, call, error)
    assert bare.wait_exit() == 2
    assert re.search(f'proof = "required": {call}: .*seccomp', bare.text())
    assert "Linux 5.6" not in bare.text()


@pytest.mark.skipif(not has_peer_pidfd(), reason="needs Linux 6.5")
def test_without_pidfd_open_where_it_is_not_needed(site):
    site.start(PROXY, before=refuse.under("pidfd_open", "EPERM"))
    assert site.smtpd(PROXY).ask() == "DUNNO"
