"""The Debian packages, from installation to purge, beside a running Postfix.

The tests go through the life of one machine and stand in its order."""
import re
import subprocess
import time

import pytest

from harness.attributes import Policy
from harness.smtp import Smtp
from harness.wait import wait_until

from conftest import debs_in
from packlab.session import greet

pytestmark = pytest.mark.xdist_group("debian")
UNITS = "tollgate-policyd.socket tollgate-policyd.service " \
    "tollgate-milter.service"
# Not packages' own: caches, logs, and copies that tools make of what they edit.
NOISE = re.compile(
    r"/(proc|sys|dev|run|tmp|packages)(/|$)|/var/(cache|log|tmp)/"
    r"|/var/lib/(apt|dpkg|postfix|systemd|logrotate)(/|$)|/etc/[a-z]+-$"
    r"|/var/spool/postfix/(maildrop|public|private|pid|active|etc|lib|usr|dev)")


@pytest.fixture(scope="module")
def machine(fresh):
    machine = fresh("debian")
    machine.before = snapshot(machine)
    machine.postfix_before = postfix_state(machine)
    return machine


def snapshot(machine):
    names = machine.run("find / -xdev").splitlines()
    return {name for name in names if not NOISE.match(name)}


def postfix_state(machine):
    return machine.run(
        "postconf -n; cat /etc/postfix/main.cf /etc/postfix/master.cf;"
        "cat /var/spool/postfix/pid/master.pid;"
        "stat -c '%n %U %G %a' /var/spool/postfix/*")


def main_pid(machine, unit):
    """0 while it does not run."""
    return int(machine.run(f"systemctl show -P MainPID {unit}"))


def running_pid(machine, unit):
    return wait_until(lambda: main_pid(machine, unit), 10, f"{unit} runs")


def test_lintian_finds_nothing(packages):
    done = subprocess.run(
        ["lintian", "--allow-root", "--profile", "debian", "--fail-on",
         "error,warning", *packages.glob("*.changes")],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_packages_are_there(packages):
    names = [path.name.split("_")[0] for path in debs_in(packages)]
    assert names == ["tollgate-common", "tollgate-ctl", "tollgate-milter",
                     "tollgate-policyd"]


def test_installing_touches_no_postfix(machine):
    machine.run("apt-get -qq -y --no-install-recommends install "
                "/packages/*.deb")
    assert postfix_state(machine).replace(
        "/var/spool/postfix/tollgate tollgate postfix 2755\n", "").replace(
        "/var/spool/postfix/tollgate-milter tollgate postfix 2750\n", "") == \
        machine.postfix_before
    for unit in UNITS.split():
        assert machine.try_run(
            f"systemctl is-enabled {unit}").stdout == "disabled\n"
        assert machine.try_run(
            f"systemctl is-active {unit}").stdout == "inactive\n"


def test_the_units_are_sound(machine):
    machine.run(f"cd /lib/systemd/system && systemd-analyze verify --man=no "
                f"{UNITS}")


def test_both_daemons_run_in_their_sandbox(machine):
    machine.run("systemctl enable --now tollgate-policyd tollgate-milter")
    for unit in ("tollgate-policyd", "tollgate-milter"):
        assert machine.run(f"systemctl is-active {unit}") == "active"
        pid = running_pid(machine, unit)
        assert machine.run(f"stat -c %U /proc/{pid}") == "tollgate"
    sockets = machine.run("stat -c '%n %U %G %a' /run/tollgate/anvil "
                          "/var/spool/postfix/tollgate/* "
                          "/var/spool/postfix/tollgate-milter/*")
    assert sockets.splitlines() == [
        "/run/tollgate/anvil tollgate postfix 660",
        "/var/spool/postfix/tollgate/policy tollgate postfix 660",
        "/var/spool/postfix/tollgate/sni tollgate postfix 660",
        "/var/spool/postfix/tollgate-milter/milter tollgate postfix 660",
        "/var/spool/postfix/tollgate-milter/milter.lock tollgate postfix 600"]


LIMITED = """
client_limits_at = "policy"
client_message_rate_limit = 2
"""


def configure(machine, text):
    machine.path("/etc/tollgate/tollgate.conf").write_text(text)


def test_a_reload_is_for_sound_configurations_only(machine):
    pid = running_pid(machine, "tollgate-policyd")
    configure(machine, LIMITED.replace("2", "-5"))
    refused = machine.try_run("systemctl reload tollgate-policyd")
    assert refused.returncode != 0
    assert "client_message_rate_limit" in machine.run(
        "journalctl -u tollgate-policyd")
    configure(machine, LIMITED)
    # Less than the installed file says: a reload alone does not take it.
    machine.run("tollgatectl reload --force")
    wait_until(lambda: " replaces " in machine.run(
        "journalctl -u tollgate-policyd"), 10, "the daemon has heard of it")
    assert main_pid(machine, "tollgate-policyd") == pid
    with Policy(machine.path("/var/spool/postfix/tollgate/policy")) as smtpd:
        assert [smtpd.rcpt("198.51.100.1")[:5] for _ in range(3)] == \
            ["DUNNO", "DUNNO", "450 4"]


@pytest.mark.parametrize("unit", ["tollgate-policyd", "tollgate-milter"])
def test_usr2_restarts_and_systemd_follows(machine, unit):
    old = running_pid(machine, unit)
    machine.run(f"systemctl kill --kill-whom=main --signal=USR2 {unit}")
    wait_until(lambda: main_pid(machine, unit) not in (0, old), 10,
               "systemd has heard of the successor")
    assert machine.run(f"systemctl is-active {unit}") == "active"


@pytest.mark.parametrize("unit", ["tollgate-policyd", "tollgate-milter"])
def test_a_hung_daemon_is_ended_within_ten_seconds(machine, unit):
    """The successor of the test before: it reports to systemd as well."""
    hung = running_pid(machine, unit)
    started = time.monotonic()
    machine.run(f"kill -STOP {hung}")
    wait_until(lambda: machine.try_run(f"kill -0 {hung}").returncode != 0, 15,
               "it has been ended")
    # Half a second for this test's own looks.
    assert time.monotonic() - started < 10.5
    wait_until(lambda: main_pid(machine, unit) not in (0, hung), 10,
               "a new one runs")
    assert "watchdog" in machine.run(f"journalctl -u {unit}").lower()


PROVEN = """
service "12525" {
  port = 12525
  proxied = true
  trusted_proxies = { "%s" }
}
"""


def test_a_peer_is_proven_from_within_the_sandbox(machine):
    machine.run("""
        postconf -M 12525/inet="$(echo 12525 inet n - y - - smtpd \
            -o smtpd_upstream_proxy_protocol=haproxy)"
        postconf -M anvil/unix="$(echo anvil unix - n n - 0 spawn -n anvil \
            user=tollgate argv=/usr/libexec/tollgate/tollgate-anvil-pass \
            /run/tollgate/anvil)"
        postconf -e smtpd_client_event_limit_exceptions=
        postfix reload""")
    for trusted, greeting in (("127.0.0.1", "220"), ("192.0.2.1", "421")):
        configure(machine, PROVEN % trusted)
        machine.run("systemctl restart tollgate-policyd")
        # A client's smtpd may hold the old one's answers no longer.
        assert greet(machine, 12525, "198.51.100.9") == greeting, machine.run(
            "journalctl -u tollgate-policyd -u postfix@-")


def test_an_upgrade_hands_over(machine):
    old = running_pid(machine, "tollgate-policyd")
    machine.run("dpkg -i /packages/tollgate-policyd_*.deb")
    wait_until(lambda: main_pid(machine, "tollgate-policyd") not in (0, old),
               10, "the new program serves")
    assert greet(machine, 12525, "198.51.100.9") == "421"


def test_purge_leaves_nothing(machine):
    machine.run("postconf -M anvil/unix='anvil unix - - n - 1 anvil';"
                "postconf -MX 12525/inet; postfix reload")
    machine.run("apt-get -qq -y --auto-remove purge 'tollgate-*'")
    left = snapshot(machine) - machine.before
    assert not left, sorted(left)
    assert machine.try_run("getent passwd tollgate").stdout == ""
    assert machine.try_run("pidof tollgate-policyd tollgate-milter") \
        .stdout == ""
