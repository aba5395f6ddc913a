"""The table of doc/security.md, row by row: whatever forbids a proof, nobody's
forged message is accepted, and the daemons name what it is. In the order of the
file: the last row holds until the next boot."""
import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import sys

import apparmor
import own_users
import pytest

from harness.policyd import BUILD
from harness.process import OWN_PIDS, running_with
from harness.proof_site import counts_cause, names_cause, says_why
from harness.smtpd import has_peer_pidfd
from harness.wait import PATIENCE, wait_until
from harness.workdir import workdir
from proxy_lab.attack import SENDER, attack
from proxy_lab.host import IPV6, Lab
from proxy_lab.mail_host import ALL, ANVIL, MILTER, OPEN, POLICY, SCREENED
from proxy_lab.network import Network, ipv4, ipv6

TESTS = pathlib.Path(__file__).resolve().parents[1]
PORTS = [ANVIL, POLICY, MILTER, ALL, SCREENED[POLICY], SCREENED[MILTER]]
PLANS = list(itertools.product(
    ("dialog", "burst-fin", "bdat-rst-5ms"),
    ("v1-fresh", "v2-network", "v2-ipv6-loopback")))
YAMA = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")


@pytest.fixture(scope="module")
def lab():
    with workdir() as place:
        kept = []

        def keep(thing):
            kept.append(thing)
            return thing
        try:
            yield Lab(keep(Network()), place / "lab", keep)
        finally:
            for thing in reversed(kept):
                thing.close()


def forge(lab, ports=PORTS, address=ipv4("mail"), sender=SENDER):
    """What all were told; few at a time, for processors are slow here."""
    def one(arguments):
        port, (way, header) = arguments
        return port, way, header, attack(
            lab.network, (address, port), header, way, sender=sender)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, itertools.product(ports, PLANS)))


def accepted(told):
    return [plan for *plan, said in told if b"queued as" in said]


def honest(lab, ports=PORTS):
    """What the true proxy's mail is answered at each port."""
    return {port: lab.send((ipv4("haproxy"), port)) for port in ports}


def check_works(lab):
    assert accepted(forge(lab)) == []
    assert set(honest(lab).values()) == {"250"}
    assert lab.postfix.queued_from(SENDER) == 0


def check_closed(lab, cause, call, says=says_why):
    """Nobody's mail is accepted, and both daemons say why."""
    assert accepted(forge(lab)) == []
    assert "250" not in honest(lab).values()
    for daemon in (lab.policyd, lab.milter):
        says(daemon, cause, call)


def check_afterwards(lab):
    """Mail flows again, and what Postfix had read was not accepted."""
    wait_until(lambda: lab.send((ipv4("haproxy"), ALL)) == "250", 20,
               "mail flows again")
    assert lab.postfix.queued_from(SENDER) == 0


def reload_postfix(lab):
    """So that each smtpd is executed again."""
    before = set(running_with("smtpd\0"))
    lab.postfix.reload()
    wait_until(lambda: not before & set(running_with("smtpd\0")), 10,
               "they have ended")


def test_cost(capsys):
    done = subprocess.run([BUILD / "tests/bench/bench_proof"], check=True,
                          capture_output=True, text=True)
    cost = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\nLinux {os.uname().release}: a proof costs "
              f"{cost['proof_ns'] / 1000:.0f} us, by pid "
              f"{cost['proof_by_pid_ns'] / 1000:.0f} us; "
              f"SO_PEERPIDFD: {has_peer_pidfd()}")
    assert cost["proof_ns"] > 0


def test_demo(capsys):
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-B", "-m", "demo", "--demo",
         "--isolated"],
        env={**os.environ, "PYTHONPATH": f"{TESTS}/integration:{TESTS}"},
        capture_output=True, text=True, timeout=120 * PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with capsys.disabled():
        print("\ndemo: " + done.stdout.strip().splitlines()[-1])


def test_the_forged_sessions_are_worth_something(lab):
    """Postfix alone takes them."""
    assert accepted(forge(lab, [OPEN], sender="admitted@evil.example")) != []


def test_plain(lab):
    check_works(lab)


@pytest.mark.parametrize("scope", ["1", "2"])
def test_yama_below_3(lab, scope):
    before = YAMA.read_text()
    YAMA.write_text(scope)
    with lab.daemons_under([]):
        check_works(lab)
    YAMA.write_text(before)


def test_pid_namespace(lab):
    with lab.daemons_under(OWN_PIDS):
        if has_peer_pidfd():
            check_works(lab)
        else:
            check_closed(lab, "pid-namespace", "SO_PEERCRED")
    check_afterwards(lab)


def test_user_namespace(lab):
    with lab.daemons_under(own_users.COMMAND):
        check_closed(lab, "user-namespace", "pidfd_getfd")
    check_afterwards(lab)


def test_apparmor_tollgate_alone_that_may_trace(lab):
    with apparmor.loaded(apparmor.text(apparmor.NAME)), \
            lab.daemons_under(apparmor.CONFINED):
        check_works(lab)


def test_apparmor_tollgate_alone(lab):
    """A container's default profile; smtpd has none."""
    with apparmor.loaded(apparmor.text(
            apparmor.NAME, ptrace=apparmor.OWN_PTRACE)), \
            lab.daemons_under(apparmor.CONFINED):
        check_closed(lab, "apparmor", "pidfd_getfd")
    check_afterwards(lab)


def test_apparmor_one_profile(lab):
    """Of both, as in containers of one machine."""
    with apparmor.loaded(apparmor.text(
            apparmor.NAME, path=apparmor.SMTPD, ptrace=apparmor.OWN_PTRACE)), \
            lab.daemons_under(apparmor.CONFINED):
        reload_postfix(lab)
        check_works(lab)
    reload_postfix(lab)


def test_apparmor_smtpd_alone(lab):
    with apparmor.loaded(apparmor.text(
            "smtpd", path=apparmor.SMTPD, ptrace=apparmor.OWN_PTRACE)):
        reload_postfix(lab)
        check_works(lab)
    reload_postfix(lab)


def test_apparmor_two_profiles(lab):
    """tollgate may trace, but smtpd must not be traced."""
    with apparmor.loaded(
            apparmor.text(apparmor.NAME),
            apparmor.text("smtpd", path=apparmor.SMTPD,
                          ptrace=apparmor.OWN_PTRACE)), \
            lab.daemons_under(apparmor.CONFINED):
        reload_postfix(lab)
        check_closed(lab, "apparmor", "pidfd_getfd")
    reload_postfix(lab)
    check_afterwards(lab)


def test_apparmor_without_inet(lab):
    """Taken away while they run: their own HTTP is IPv4 too."""
    with apparmor.loaded(apparmor.text(apparmor.NAME)), \
            lab.daemons_under(apparmor.CONFINED):
        apparmor.load(apparmor.text(apparmor.NAME, without=["inet"]))
        check_closed(lab, "apparmor", "getsockname", says=names_cause)
    check_afterwards(lab)


def test_apparmor_without_inet6(lab):
    """IPv4 is proven, IPv6 is not."""
    with apparmor.loaded(apparmor.text(apparmor.NAME)), \
            lab.daemons_under(apparmor.CONFINED):
        apparmor.load(apparmor.text(apparmor.NAME, without=["inet6"]))
        assert accepted(forge(lab, address=ipv6("mail"))) == []
        assert lab.send((ipv4("haproxy"), IPV6)) != "250"
        for daemon in (lab.policyd, lab.milter):
            names_cause(daemon, "apparmor", "getsockname")
            counts_cause(daemon, "apparmor")
    check_afterwards(lab)


def test_yama_3(lab):
    """While they run; and at a start, which is refused."""
    YAMA.write_text("3")
    check_closed(lab, "yama", "pidfd_getfd")
    assert lab.postfix.queued_from(SENDER) == 0
    for daemon in (lab.policyd, lab.milter):
        daemon.kill()
        daemon.process.start()
        assert daemon.process.wait_exit(10 * PATIENCE) == 2
        last = daemon.process.text().splitlines()[-1]
        assert 'proof = "required": pidfd_getfd: ' in last
        assert "kernel.yama.ptrace_scope is 3" in last
