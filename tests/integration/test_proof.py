"""The proof without Postfix: what the daemon needs for it, and the lists of
proxies that change. What it is worth, test_proxy_lab.py shows."""
import itertools
import os
import re
import signal
import subprocess

import pytest

from harness.attributes import Policy
from harness.policyd import POLICYD, render
from harness.ports import free_port
from harness.process import OWN_PIDS, Process
from harness.proof_site import PROXY, REFUSED, STRANGER, ProofSite
from harness.scripted_redis import ScriptedRedis
from harness.smtpd import has_peer_pidfd
from harness.wait import wait_until


@pytest.fixture
def site(place, keep):
    return ProofSite(place, keep)


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
        {"user": "nobody", "group": "nogroup", "drain_timeout": "1s"},
        [site.section([PROXY], proof=proof),
         ("policyd", None, {"listen": [f"policy:unix:{site.place}/policy"],
                            "socket_mode": "0666",
                            "control": "",
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
                           "control": "",
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


@pytest.mark.skipif(not has_peer_pidfd(), reason="needs Linux 6.5")
def test_in_a_pid_namespace_of_its_own(site):
    """A sidecar: no smtpd has a pid there, and each has a pidfd."""
    site.start(PROXY, before=OWN_PIDS)
    assert site.smtpd(PROXY).ask() == "DUNNO"
    assert site.smtpd(STRANGER, address="127.0.70.1").ask() == REFUSED
    line = site.policyd.process.text()
    assert f"peer={STRANGER} port={site.port} " in line


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


def test_no_store_lets_a_stranger_in(site):
    """Not one that answers all with "admitted", nor one that is mute."""
    admitted = b"*4\r\n" + b":1\r\n" * 4
    redis = site.keep(ScriptedRedis(itertools.chain(
        itertools.repeat(admitted, 20), itertools.repeat(b""))))
    policyd = site.start(PROXY, options={
        "store": redis.url, "client_limits_at": "policy",
        "client_message_rate_limit": 1000})
    stranger = site.smtpd(STRANGER)
    proxy = site.smtpd(PROXY, address="127.0.0.2")
    assert policyd.metric("tollgate_store_available") == 1
    while policyd.metric("tollgate_store_available"):
        assert stranger.ask() == REFUSED
        assert proxy.ask() == "DUNNO"
    assert stranger.ask() == REFUSED


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
