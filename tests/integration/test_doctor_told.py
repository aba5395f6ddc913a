"""tollgatectl doctor -: told what postconf printed elsewhere it finds what it
finds where Postfix is, and says what it cannot look at."""
import json
import random
import subprocess

import pytest

from harness.clinic import PROXY, TOLLGATECTL
from test_doctor_keeps import Host, clinic, stock  # noqa: F401

# The command line of the guides, in the container of Postfix.
COMMANDS = "postconf; postconf -x; postconf -F; postconf -P; postconf -m"


def printed(clinic):
    return subprocess.run(
        ["sh", "-ec", COMMANDS], check=True, timeout=60, text=True,
        capture_output=True, env={"MAIL_CONFIG": str(clinic.etc),
                                  "PATH": "/usr/sbin:/usr/bin:/bin"}).stdout


def tell(clinic, text):
    return subprocess.run(
        [str(TOLLGATECTL), "-c", str(clinic.config), "-j", "doctor", "-"],
        input=text, check=False, timeout=60, text=True, capture_output=True)


def told(clinic):
    """(findings, notes) of doctor -, where they are those of doctor."""
    done = tell(clinic, printed(clinic))
    assert done.stderr == ""
    result = json.loads(done.stdout)["result"]
    there = json.loads(json.dumps(clinic.examine()[1]).replace(
        f"postconf -c {clinic.etc} ", "postconf "))
    assert result["findings"] == there
    assert done.returncode == (1 if there else 0)
    return there, result["notes"]


@pytest.mark.parametrize("seed", range(2))
def test_it_finds_the_same(clinic, seed):
    """At random hosts; and what it prints mends them."""
    Host(clinic, random.Random(seed))
    findings, notes = told(clinic)
    assert len(findings) > 5
    assert [it for it in notes if "Postfix is not here" in it]
    clinic.treat()
    clinic.treat()
    assert told(clinic)[0] == []


@pytest.mark.parametrize("value", [
    "a,$(mynetworks),b", "$via_another", "${empty?a}${empty:$mynetworks}",
    "${full?{$mynetworks}:{x}}${empty?{x}:{$mynetworks}}",
    "$$mynetworks$nothing"])
def test_names_are_expanded(clinic, value):
    """As postconf does it, where a -o changes what main.cf refers to."""
    clinic.postconf("-e", f"smtpd_client_event_limit_exceptions={value}",
                    "via_another=$mynetworks", "empty=", "full=x")
    clinic.postconf("-P", "12525/inet/mynetworks=192.0.2.7/32")
    findings, _ = told(clinic)
    assert "event-exceptions" in {it["name"] for it in findings}


def test_what_compares_is_not_guessed(clinic):
    clinic.postconf("-e", "smtpd_banner=${{$mynetworks} == {a} ? {b} : {c}}")
    assert not [it for it in told(clinic)[1] if "compares" in it]
    clinic.postconf("-P", "12525/inet/mynetworks=a")
    assert [it for it in told(clinic)[1] if "compares" in it]


@pytest.mark.parametrize("cut, missing", [
    ("", "postconf\""),
    ("postconf", "postconf -x"),
    ("postconf; postconf -n; postconf -P", "postconf -x"),
    ("postconf; postconf -x", "postconf -F"),
    ("postconf; postconf -x; postconf -F; postconf -P", "postconf -m"),
])
def test_what_is_missing_is_said(clinic, cut, missing):
    text = subprocess.run(
        ["sh", "-ec", cut], check=True, timeout=60, text=True,
        capture_output=True, env={"MAIL_CONFIG": str(clinic.etc),
                                  "PATH": "/usr/sbin:/usr/bin:/bin"}).stdout
    done = tell(clinic, text)
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"] if done.stdout else done.stderr
    assert missing in error and COMMANDS in error


def test_what_is_no_text_is_refused(clinic):
    done = tell(clinic, printed(clinic) + "a\0b\n")
    assert done.returncode == 1
    assert "a NUL" in done.stdout + done.stderr
