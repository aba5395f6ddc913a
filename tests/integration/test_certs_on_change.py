"""on_change, the default chain's file, and what is said of an early end."""
import os
import signal
import stat

import pytest

from harness.authority import Authority
from harness.cert_site import NAME, Acme, CertSite
from harness.control import asked
from harness.tls import TlsSession, served
from harness.wait import stays_true, wait_until

SCRIPT = """#!/bin/sh
open=$(ls /proc/self/fd | wc -l)
{{ id -u; echo "$#:$1:$2"; env | grep -v ^_= | grep -v ^PWD= | sort; \
echo "$open"; }} > {out}.tmp
mv {out}.tmp {out}
exit "$(cat {status})"
"""


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "ca")


@pytest.fixture
def acme(place):
    return Acme(place / "acme")


class Command:
    """A command that notes how it was run; status: its exit status."""

    def __init__(self, place):
        self.out = place / "ran"
        self.status = place / "status"
        self.status.write_text("0")
        self.path = place / "command"
        self.path.write_text(SCRIPT.format(out=self.out, status=self.status))
        self.path.chmod(0o755)
        self.argv = [self.path, "an argument; $(with) 'signs'", "x"]

    def wait(self):
        wait_until(self.out.exists, 15, "the command ran")
        text = self.out.read_text()
        self.out.unlink()
        return text

    def does_not_run(self):
        stays_true(lambda: not self.out.exists(), 0.5, "nothing is run")


@pytest.fixture
def command(place):
    return Command(place)


def test_it_says_what_changed(authority, place, keep, acme, command):
    first, second = authority.issue(NAME), authority.issue(NAME, days=91)
    acme.write(first)
    site = CertSite(place, keep, acme.source, postfix=False,
                    more={"on_change": command.argv})
    assert first.fingerprint in command.wait()
    site.policyd.process.wait_output("on_change done")
    acme.write(second)
    lines = command.wait().splitlines()
    assert lines[0] == "0", "with the rights that we were started with"
    assert lines[1] == "2:an argument; $(with) 'signs':x"
    names = [line.split("=")[0] for line in lines[2:-1]]
    assert names == ["LC_ALL", "PATH", "TOLLGATE_CERTIFICATE",
                     "TOLLGATE_DEFAULT_CHAIN", "TOLLGATE_FINGERPRINTS",
                     "TOLLGATE_NOT_AFTER"]
    assert f"TOLLGATE_CERTIFICATE={NAME}" in lines
    assert f"TOLLGATE_FINGERPRINTS={second.fingerprint}" in lines
    assert int(lines[-1]) == 4, "standard ones and that of ls itself"
    # Nothing new: nothing to run.
    acme.write(second)
    site.policyd.process.signal(signal.SIGHUP)
    site.policyd.process.wait_output("reload: configuration")
    assert asked(site.policyd, "certs", "reload")
    command.does_not_run()


def test_a_restart_runs_nothing_and_keeps_the_helper(
        authority, place, keep, acme, command, end_pid):
    acme.write(authority.issue(NAME))
    site = CertSite(place, keep, acme.source, postfix=False,
                    more={"on_change": command.argv})
    command.wait()
    end_pid(site.policyd.hand_over())
    site.policyd.process.wait_exit()
    command.does_not_run()
    acme.write(authority.issue(NAME, days=91))
    assert command.wait().splitlines()[0] == "0"


def test_a_restart_in_between_loses_nothing(
        authority, place, keep, acme, command, end_pid):
    """The map is renamed over for the second time, and a command that has
    failed is tried again."""
    acme.write(authority.issue(NAME))
    command.status.write_text("3")
    site = CertSite(place, keep, acme.source, postfix=False,
                    more={"on_change": command.argv})
    command.wait()
    site.policyd.process.wait_output("exit status 3; next attempt in")
    assert site.policyd.metric("tollgate_certificate_failures_total") == 1
    map_ = site.tls / "refresh.cdb"
    before = map_.stat().st_mtime_ns
    end_pid(site.policyd.hand_over())
    command.status.write_text("0")
    wait_until(lambda: map_.stat().st_mtime_ns > before, 5, "once more")
    site.policyd.process.wait_exit()
    wait_until(command.out.exists, 10, "it ran again")
    site.policyd.process.wait_output("on_change done")
    assert site.policyd.metric("tollgate_certificate_failures_total") == 0


def test_a_command_that_does_not_end_is_ended(authority, place, keep, acme):
    acme.write(authority.issue(NAME))
    site = CertSite(place, keep, acme.source, postfix=False, more={
        "on_change": ["/bin/sleep", "1234"], "on_change_timeout": "1s"})
    site.policyd.process.wait_output("/bin/sleep: not done in 1000 ms")


def test_a_reload_cannot_bring_another_command(
        authority, place, keep, acme, command):
    acme.write(authority.issue(NAME))
    site = CertSite(place, keep, acme.source, postfix=False,
                    more={"on_change": command.argv})
    command.wait()
    site.policyd.sections[0][2]["on_change"] = ["/bin/touch", place / "new"]
    site.policyd.write_config()
    site.policyd.process.signal(signal.SIGHUP)
    site.policyd.process.wait_output("reload: configuration")
    acme.write(authority.issue(NAME, days=91))
    site.policyd.process.wait_output("not the command that the daemon was "
                                     "started with")
    assert not (place / "new").exists()


def test_postscreen_follows_after_a_reload(
        authority, place, keep, acme):
    """tlsproxy sees SNI live; the default chain after on_change."""
    first, second = authority.issue(NAME), authority.issue(NAME, days=91)
    acme.write(first)
    config = place / "postfix" / "etc"
    site = CertSite(place, keep, acme.source, more={
        "on_change": ["/usr/sbin/postfix", "-c", config, "reload"]})
    master = config / "master.cf"
    service = f"{site.server[0]}:{site.server[1]}"
    master.write_text(master.read_text().replace(
        f"{service} inet n - n - - smtpd",
        f"{service} inet n - n - 1 postscreen\n"
        "smtpd pass - - n - - smtpd\n"
        "tlsproxy unix - - n - 0 tlsproxy\n"
        "dnsblog unix - - n - 0 dnsblog"))
    with open(config / "main.cf", "a", encoding="utf-8") as main:
        main.write("postscreen_greet_wait = 1s\n"
                   "postscreen_access_list =\n"
                   "postscreen_pipelining_enable = yes\n"
                   "postscreen_pipelining_action = ignore\n")
    site.postfix.restart()
    held = TlsSession(site.server, NAME)
    assert held.fingerprint == first.fingerprint
    assert served(site.server) == first.fingerprint
    assert "tlsproxy" in site.postfix.log.text()
    mark = site.postfix.log.mark()
    acme.write(second)
    wait_until(lambda: served(site.server, NAME) == second.fingerprint, 20,
               site.log)
    site.postfix.log.wait_for("reload -- version", since=mark)
    # Each look takes a second: postscreen_greet_wait.
    wait_until(lambda: served(site.server) == second.fingerprint, 20, site.log)
    assert held.command("EHLO client.example") == "250"
    held.quit()


def test_a_folder_that_cannot_be_written_is_tried_again(
        authority, place, keep, acme):
    first, second = authority.issue(NAME), authority.issue(NAME, days=91)
    acme.write(first)
    site = CertSite(place, keep, acme.source, postfix=False)
    chain = site.tls / "default.pem"
    owner = site.tls.stat()
    os.chown(site.tls, 0, 0)
    acme.write(second)
    site.policyd.process.wait_output("next attempt in")
    assert first.certificates[0] in chain.read_text()
    os.chown(site.tls, owner.st_uid, owner.st_gid)
    wait_until(lambda: second.certificates[0] in chain.read_text(), 10,
               site.log)
    assert stat.S_IMODE(chain.stat().st_mode) == 0o600
    wait_until(lambda: {path.name for path in site.tls.iterdir()} ==
               {"default.pem", "refresh.cdb"}, 5, "nothing is left over")


def test_an_early_end_is_warned_about_once(authority, place, keep, acme):
    acme.write(authority.issue(NAME, start=-80, days=9.5))
    site = CertSite(place, keep, acme.source, postfix=False)
    text = "expires in 9 days"
    site.policyd.process.wait_output(text)
    site.policyd.process.signal(signal.SIGHUP)
    site.policyd.process.wait_output("reload: configuration")
    assert site.log().count(text) == 1
    acme.write(authority.issue(NAME, days=100))
    wait_until(lambda: site.policyd.metric(
        "tollgate_certificate_not_after_seconds") > os.path.getmtime(
            acme.path) + 99 * 86400, 5, site.log)
