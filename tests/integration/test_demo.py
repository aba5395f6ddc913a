"""What ./quickstart shows must hold, in a network of its own and without."""
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

import pytest

from harness.process import Process
from harness.wait import wait_until

TESTS = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("before, options", [
    (["unshare", "--net"], ["--isolated"]),
    ([], []),
    ([], ["--redis"]),
], ids=["isolated", "loopback", "redis"])
def test_the_story_holds(before, options):
    done = subprocess.run(
        [*before, sys.executable, "-B", "-m", "demo", "--demo", *options],
        env={**os.environ, "PYTHONPATH": f"{TESTS}/integration:{TESTS}"},
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " held, 0 did not" in done.stdout


@pytest.fixture
def demo(place, keep):
    """Ended by TERM, so that it ends what it has started."""
    process = keep(Process(
        [sys.executable, "-B", "-u", "-m", "demo.door", "unshare", "--net",
         sys.executable, "-B", "-m", "demo", "--isolated"],
        place / "output", {"PYTHONPATH": f"{TESTS}/integration:{TESTS}"}))
    yield process
    process.terminate(60)


def test_what_is_printed_can_be_reached(demo):
    """The status page and metrics, from outside of the demo's network."""
    wait_until(lambda: "Ctrl-C stops" in demo.text(), 60, "it is up")
    told = demo.text()
    [page] = re.findall(r"^ +status page +(\S+)", told, re.M)
    [metrics] = re.findall(r"^ +metrics +(\S+)", told, re.M)
    with urllib.request.urlopen(page, timeout=20) as answer:
        assert b"<title>tollgate</title>" in answer.read()
    with urllib.request.urlopen(metrics, timeout=20) as answer:
        assert b"tollgate_decisions_total" in answer.read()
    assert "tollgatectl setup" in told and "doctor" in told


@pytest.mark.parametrize("words, said", [
    ([], "HOST:PORT"),
    (["127.0.0.1"], "an address and a port"),
    (["127.0.0.1:smtp"], "an address and a port"),
    (["127.0.0.1:99999"], "an address and a port"),
    (["[::1]:25"], "IPv4"),
    (["mail.example:25"], "IPv4"),
    (["127.0.0.1:25", "--from", "::1"], "IPv4"),
    (["127.0.0.1:25", "--to", "nobody"], "a mailbox"),
    (["127.0.0.1:25", "--to", "a@b>\r\nQUIT"], "a mailbox"),
    (["127.0.0.1:25", "--messages", "many"], "a number"),
    (["127.0.0.1:25", "--connections", "0"], "a number"),
    (["127.0.0.1:1"], "nsenter"),
    (["127.0.0.1:1", "--from", "198.51.100.1"], "nsenter"),
])
def test_send_says_what_would_be_right(words, said):
    done = subprocess.run(
        [sys.executable, TESTS / "demo/send", *words], check=False,
        capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert said in done.stderr and "Traceback" not in done.stderr
