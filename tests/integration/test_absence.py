"""What a file does not say is not consent: empty, half-written and cut files
take no protection away, at a reload or a hand-over, unless somebody insists."""
import signal
import subprocess

import pytest

from harness.attributes import Policy
from harness.control import Control, asked, tollgatectl
from harness.policyd import POLICYD
from harness.proof_site import PROXY, REFUSED, STRANGER, ProofSite
from harness.wait import wait_until

FULL = "198.51.100.77"
PLACES = 200
ELSEWHERE = "127.0.0.2"  # the same port for a second smtpd


def limit(name, **options):
    return ("limit", name, {"event": "message", "key": ["client_address"],
                            "rate": "1/1h", "at": "policy", **options})


class Guarded(ProofSite):
    """A service that is proven, and a limit that FULL has used up."""

    def __init__(self, place, keep):
        super().__init__(place, keep)
        self.start(PROXY, options={"client_limits_at": "policy",
                                   "client_message_rate_limit": 1000})
        self.reload(self.section([PROXY]), limit("a"), limit("b"))
        self.config = self.policyd.config
        self.text = self.config.read_text()
        self.stranger = self.smtpd(STRANGER, address=ELSEWHERE)
        self.proxy = self.smtpd(PROXY)
        assert self.proxy.ask(FULL) == "DUNNO"
        self.assert_guarded()

    def assert_guarded(self):
        assert self.stranger.ask() == REFUSED
        assert self.proxy.ask(FULL).startswith("450 4.7.1 ")

    def refused(self, text):
        """What a reload of this answers; nothing has changed."""
        self.config.write_text(text)
        done = tollgatectl("reload", sockets=[self.policyd])
        assert done.returncode == 1, done.stdout
        self.assert_guarded()
        return done.stderr

    def hang_up(self):
        before = self._reloads()
        self.policyd.process.signal(signal.SIGHUP)
        wait_until(lambda: self._reloads() > before, 5, "reloaded or not")


@pytest.fixture
def site(place, keep):
    return Guarded(place, keep)


def test_an_empty_file_is_an_error(site):
    assert "tollgate.conf: the file is empty" in site.refused("")
    assert "the file is empty" in site.refused(" \n\n")
    site.hang_up()
    site.assert_guarded()
    done = subprocess.run([POLICYD, "-t", "-c", site.config], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 1
    assert "the file is empty" in done.stderr
    site.policyd.process.wait_output("error: reload: ")


def test_no_half_written_file_is_obeyed(site):
    """Written in place, and found at each of so many lengths."""
    control = site.keep(Control(site.policyd))
    size = len(site.text)
    for step in range(PLACES):
        site.config.write_text(site.text[:size * step // PLACES])
        answer = control.ask("reload")
        assert not answer["ok"], (size * step // PLACES, answer)
        site.assert_guarded()
    site.config.write_text(site.text)
    assert control.ask("reload")["ok"]
    site.assert_guarded()


def test_no_half_written_new_file_is_obeyed(site):
    """It says more than the old one, and is cut as well."""
    control = site.keep(Control(site.policyd))
    new = "# Of today.\nlog_level = \"debug\"\n" + site.text
    for step in range(PLACES):
        site.config.write_text(new[:len(new) * step // PLACES])
        assert not control.ask("reload")["ok"], len(new) * step // PLACES
        site.assert_guarded()


def test_a_hang_up_takes_nothing_away_and_force_does(site):
    service, first, second = site.policyd.sections
    site.policyd.sections = [first, second]
    site.policyd.write_config()
    site.hang_up()
    site.assert_guarded()
    site.policyd.process.wait_output(
        'error: reload: the new configuration lacks the proof of service '
        '"proxied"; if that is meant and the file whole: tollgatectl reload '
        "--force; the old configuration stays")
    done = tollgatectl("config", "check", sockets=[site.policyd])
    assert done.returncode == 1
    assert "refused without --force" in done.stdout
    assert "would take away: the proof of service" in done.stdout
    done = tollgatectl("reload", "--force", sockets=[site.policyd])
    assert done.returncode == 0, done.stderr
    assert 'lost: service "proxied"' in done.stdout
    site.policyd.process.wait_output(
        'warn: reload: by force without the proof of service "proxied"')
    assert site.stranger.ask() == "DUNNO"
    # What is in effect is what the next reload is compared with.
    site.hang_up()
    assert site.stranger.ask("198.51.100.8") == "DUNNO"
    site.policyd.sections = [service, first, second]
    site.policyd.write_config()
    assert asked(site.policyd, "reload")["gained"] == ['service "proxied"']
    site.assert_guarded()


def test_one_limit_may_go_but_not_the_last(site):
    service, first, second = site.policyd.sections
    site.policyd.sections = [service, second]
    site.policyd.write_config()
    assert asked(site.policyd, "config", "check")["lost"] == ['limit "a"']
    assert asked(site.policyd, "reload")["lost"] == ['limit "a"']
    site.policyd.process.wait_output('info: reload: lost: limit "a"')
    site.policyd.sections = [service]
    site.policyd.write_config(client_message_rate_limit=0)
    done = tollgatectl("reload", sockets=[site.policyd])
    assert "lacks every limit" in done.stderr


def test_a_listener_stays(site):
    listen = site.policyd.own["listen"]
    site.policyd.own["listen"] = listen + [f"anvil:unix:{site.place}/anvil"]
    site.policyd.write_config()
    assert asked(site.policyd, "reload")["at_start"] == ["policyd.listen"]
    site.policyd.own["listen"] = listen
    site.policyd.write_config()
    done = tollgatectl("reload", sockets=[site.policyd])
    assert f"lacks the listener anvil:unix:{site.place}/anvil" in done.stderr


def test_no_successor_without_what_guards(site):
    site.config.write_text("shadow = false\n")
    done = tollgatectl("restart", sockets=[site.policyd])
    assert done.returncode == 1
    assert 'lacks the proof of service "proxied"' in done.stderr
    site.policyd.process.signal(signal.SIGUSR2)
    site.policyd.process.wait_output(
        'error: restart: the new configuration lacks the proof of service '
        '"proxied"')
    site.assert_guarded()


@pytest.fixture
def listed(place, keep):
    """A service whose proxies are in a file."""
    listed = ProofSite(place, keep)
    listed.file = place / "proxies"
    listed.file.write_text(f"127.0.60.2\n{PROXY}\n")
    listed.start(f"file:{listed.file}")
    return listed


def test_an_emptied_list_is_looked_at_twice(listed):
    proxy = listed.smtpd(PROXY)
    listed.file.write_text("")
    listed.policyd.process.wait_output("is empty; the last good list stays")
    assert proxy.ask() == "DUNNO"
    listed.policyd.process.wait_output(
        "is still empty: no proxy is trusted by it")
    assert proxy.ask() == REFUSED
    listed.file.write_text(f"{PROXY}\n")
    wait_until(lambda: proxy.ask() == "DUNNO", 5, "the file is read")


def test_a_list_that_was_emptied_for_a_moment(listed):
    proxy = listed.smtpd(PROXY)
    listed.file.write_text("# being written\n")
    listed.policyd.process.wait_output("is empty; the last good list stays")
    listed.file.write_text(f"{PROXY}\n")
    listed.policyd.process.wait_output("has 1 networks now")
    assert proxy.ask() == "DUNNO"
    assert "still empty" not in listed.policyd.process.text()


def test_a_cut_address_is_another_one(listed):
    """"127.0.66.1" of "127.0.66.11" would let the stranger in."""
    stranger = listed.smtpd(STRANGER, address=ELSEWHERE)
    proxy = listed.smtpd(PROXY)
    listed.file.write_text(f"{PROXY}\n{STRANGER}")
    listed.policyd.process.wait_output("the last line does not end")
    assert stranger.ask() == REFUSED
    assert proxy.ask() == "DUNNO"
    listed.file.write_text(f"{PROXY}\n{STRANGER}1\n")
    wait_until(lambda: listed.policyd.process.text().count("has 2 networks")
               == 2, 5, "the file is read")
    assert stranger.ask() == REFUSED
    assert proxy.ask() == "DUNNO"
