"""tollgatectl setup: whatever it is answered, what it writes passes -t and
satisfies doctor; it shows the file first, and never writes over one."""
import concurrent.futures
import itertools
import json
import os
import pty
import re
import select
import stat
import subprocess
import time

import pytest

from harness.clinic import (PROXY, TOLLGATECTL, copy_debian, postconf,
                            run_commands, tollgatectl)
from harness.policyd import ANVIL_PASS, MILTER, POLICYD, TOP

HOSTS = ["docker-mailserver", "mailu", "debian"]
PROXIES = [[], ["192.0.2.1", "2001:db8::1", "10.9.8.0/30",
                "dns:proxy.example.com."]]
STORES = ["memory:",
          "rediss+sentinel://u:p%40%22%5C$%7b%27@a,[2001:db8::2]:5/m/1",
          "redis://redis.example.com", "redis+unix:///run/r?db=2",
          "redis+cluster://:%7b%23@h,i:7000"]
LIMITS = ["none", "small", "medium", "large"]
PASSWORD = "s3cret%40word"


def setup(*words):
    return tollgatectl("setup", *words)


def words_of(host, proxies, store, limits):
    return ["--for", host, f"--redis={store}", "--limits", limits,
            *itertools.chain(*(("--proxy", it) for it in proxies))]


def test_what_it_writes_passes_a_daemons_own_test(place):
    """And shows what it was told."""
    place.chmod(0o755)

    def one(number, case):
        path = place / f"{number}.conf"
        done = setup(*words_of(*case), "--yes", "--output", path)
        assert (done.returncode, "warning" in done.stderr) == (0, False), \
            (case, done.stderr)
        # Both read all of it; of the second a part of the cases will do.
        for program in (POLICYD, MILTER)[:1 if number % 9 else 2]:
            tested = subprocess.run([program, "-t", "-c", path], text=True,
                                    check=False, capture_output=True,
                                    timeout=60)
            said = tested.stdout + tested.stderr
            assert tested.returncode == 0 and "warn" not in said, (case, said)
        text = path.read_text()
        assert text.count("trusted_proxies") == text.count("service \"")
        assert bool(case[1]) == ("service \"12525\"" in text)
        assert ("client_limits_at" in text) == (case[3] != "none")
        path.unlink()

    cases = [*itertools.product(HOSTS, PROXIES, STORES[:2], LIMITS),
             *itertools.product(HOSTS[:1], PROXIES[:1], STORES[2:], LIMITS[:1])]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(one, itertools.count(), cases))


def effective(path):
    """What a daemon makes of it: without comments, in one form."""
    return re.sub(r"\s+", " ", re.sub(r"^ *#.*$", "", path.read_text(),
                                      flags=re.M))


@pytest.mark.parametrize("size", LIMITS[1:])
def test_limits_are_those_of_the_profiles(place, size):
    path = place / "tollgate.conf"
    setup("--for", "debian", "--limits", size, "--yes", "--output", path)
    profile = TOP / f"conf/profiles/{size}.conf"
    assert effective(profile).strip() in effective(path)


@pytest.mark.parametrize("proxies, limits", [
    ([], "none"), ([], "small"), (["192.0.2.1"], "none"),
    (["192.0.2.1", "dns:proxy.example.com"], "large")])
def test_doctor_is_content(place, proxies, limits):
    """At a Debian, once its commands were run: nothing is found that only
    tollgate.conf could mend."""
    etc, path = place / "etc", place / "tollgate.conf"
    copy_debian(etc, "/var/spool/postfix")
    if proxies:
        postconf(etc, "-M", f"12525/inet=12525 inet n - y - - smtpd {PROXY}")
    assert setup(*words_of("debian", proxies, "memory:", limits), "--yes",
                 "--output", path).returncode == 0
    for _ in range(4):
        told = subprocess.run(
            ["sh", "-ec", "postconf; postconf -x; postconf -F; postconf -P; "
             "postconf -m"], check=True, timeout=60, capture_output=True,
            env={**os.environ, "MAIL_CONFIG": str(etc)}).stdout
        done = subprocess.run(
            [TOLLGATECTL, "-c", path, "-j", "doctor", "-"], input=told,
            check=False, timeout=60, capture_output=True)
        findings = json.loads(done.stdout)["result"]["findings"]
        for finding in findings:
            run_commands([it.replace("postconf ", f"postconf -c {etc} ", 1)
                          for it in finding["mend"]], etc, ANVIL_PASS)
        if not findings:
            break
    assert done.returncode == 0, findings


class Person:
    """At a terminal; what the program says on standard output goes there
    too."""

    def __init__(self, *words):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [TOLLGATECTL, "setup", *map(str, words)], stdin=slave,
            stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.seen = ""

    def reads(self, text):
        """Until that is there; what came before it."""
        deadline = time.monotonic() + 60
        while text not in self.seen:
            assert select.select([self.master], [], [], max(
                0, deadline - time.monotonic()))[0], self.seen
            try:
                more = os.read(self.master, 65536).decode()
            except OSError:  # it has ended
                more = ""
            assert more, (text, self.seen)
            self.seen += more.replace("\r\n", "\n")
        before, _, self.seen = self.seen.partition(text)
        return before

    def types(self, line):
        self.reads("> ")
        os.write(self.master, line.encode())

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


def test_a_session(place, keep):
    """Wrong answers are told what is right, and asked for again."""
    path = place / "tollgate.conf"
    (place / "taken").write_text("precious")
    person = keep(Person())
    person.types("\n")
    assert "there has to be an answer" in person.reads("Which")
    person.types("debain\n")
    assert "did you mean debian?" in person.reads("Which")
    person.types("debian\n")
    person.types("192.0.2.1, proxy.example.com\n")
    assert "dns:NAME" in person.reads("Proxies")
    person.types(" 192.0.2.1 dns:proxy.example.com\n")
    person.types("http://redis\n")
    assert "redis://" in person.reads("URL of")
    person.types(f"redis://:{PASSWORD}@redis.example.com\n")
    person.types("smal\n")
    assert "did you mean small?" in person.reads("Limits of")
    person.types("\n")  # the one in brackets
    person.types(f"{place}/taken\n")
    assert "stays as it is" in person.reads("The file")
    person.types(f"{path}\n")
    shown = person.reads(f"Write it to {path}?")
    assert 'store = "redis://:(hidden)@redis.example.com"' in shown
    assert not path.exists()
    person.types("perhaps\n")
    person.types("y\n")
    person.reads(f"{path} is written")
    assert person.process.wait(60) == 0
    text = path.read_text()
    assert f'store = "redis://:{PASSWORD}@redis.example.com"' in text
    assert '{ "192.0.2.1", "dns:proxy.example.com" }' in text
    assert stat.S_IMODE(path.stat().st_mode) in (0o640, 0o600)
    assert (place / "taken").read_text() == "precious"


@pytest.mark.parametrize("answer", ["n\n", "\x04"])
def test_a_person_who_says_no(place, keep, answer):
    path = place / "tollgate.conf"
    person = keep(Person("--for=mailu", "--proxy", "192.0.2.1", "--redis",
                         "memory:", "--limits", "none", "--output", path))
    person.types(answer)
    person.reads("nothing is written")
    assert person.process.wait(60) == 1
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "link to nothing", "folder"])
def test_it_never_writes_over_anything(place, kind):
    path = place / "tollgate.conf"
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(place / "elsewhere")
    done = setup("--for", "debian", "--yes", "--output", path)
    assert done.returncode == 1
    assert f"{path} is there already" in done.stderr
    assert list(place.iterdir()) == [path]
    assert kind != "file" or path.read_text() == "precious"


def test_without_a_yes_it_only_shows(place):
    path = place / "tollgate.conf"
    done = setup("--for", "debian", "--output", path)
    assert done.returncode == 1 and "--yes" in done.stderr
    assert 'store = "memory:"' in done.stdout
    assert list(place.iterdir()) == []


def test_standard_output(place):
    """For containers: the whole file, and nothing else."""
    done = setup("--for", "docker-mailserver", "--proxy", "192.0.2.1",
                 "--redis", f"redis://:{PASSWORD}@redis", "--output", "-")
    assert (done.returncode, done.stderr) == (0, "")
    (place / "tollgate.conf").write_text(done.stdout)
    assert PASSWORD in done.stdout
    assert subprocess.run([POLICYD, "-t", "-c", place / "tollgate.conf"],
                          check=False, timeout=60).returncode == 0


def test_who_may_read_it(place):
    """A password is for root and the daemon; it is shown to nobody."""
    for store, modes in (("redis://redis", [0o644]),
                         (f"redis://:{PASSWORD}@redis", [0o640, 0o600])):
        path = place / f"{modes[0]}.conf"
        done = setup("--for", "debian", "--redis", store, "--yes",
                     "--output", path)
        assert done.returncode == 0
        assert stat.S_IMODE(path.stat().st_mode) in modes
        assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize("words, said", [
    ([], "--for names the mail server: docker-mailserver, mailu, or debian"),
    (["--for", "gate"], "allowed: docker-mailserver, mailu, debian"),
    (["--for"], "--for needs a value"),
    (["--for=debian", "--proxy="], "--proxy needs a value"),
    (["--for=debian", "--proxy", "proxy.example.com"], "dns:NAME"),
    (["--for=debian", "--proxy", "192.0.2.300"], "dns:NAME"),
    (["--for=debian", "--proxy", "dns:"], "dns:proxy.example"),
    (["--for=debian", "--proxy", "192.0.2.1/33"], "/33"),
    (["--for=debian", "--proxy", "192.0.2.1", "--proxy", "192.0.2.1"],
     "192.0.2.1 is named twice"),
    (["--for=debian", "--redis", "redis.example.com"], "redis://"),
    (["--for=debian", "--redis", "redis://bob@redis"], "without a password"),
    (["--for=debian", "--redis", "redis://:a b@redis"], "%XX"),
    (["--for=debian", "--redis", "redis://redis:0"], "1 to 65535"),
    (["--for=debian", "--limits", "larg"], "did you mean large?"),
    (["--for=debian", "--output", "/tmp/"], "name a file"),
    (["--for=debian", "--redi", "memory:"], "did you mean --redis?"),
    (["--for=debian", "small"], "no option of setup"),
])
def test_what_is_wrong_is_told_what_is_right(words, said):
    done = setup(*words)
    assert done.returncode == 2
    assert said in done.stderr and "usage: tollgatectl setup" in done.stderr
    assert done.stdout == ""


def test_a_wrong_url_is_not_repeated():
    done = setup("--for=debian", "--redis", "redis://:pa/ss@word@redis:x")
    assert done.returncode == 2
    assert "pa" not in done.stderr.replace("password", "")


def test_a_folder_that_is_not_there(place):
    done = setup("--for=debian", "--yes", "--output", place / "no/t.conf")
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
