"""tollgatectl doctor --for HOST: its lines, put where that host keeps them, in
any order, outlive the host's starts and are as good as doctor's commands."""
import random
import re

import pytest

from harness.clinic import age, examine, tollgatectl
from harness.host_files import HOST_FILES, lines_for
from test_doctor_keeps import Host, clinic, stock, treat  # noqa: F401

PORTS = (12525, 10465, 587)
OWN_NAME = re.compile(r"\$[({]?tollgate_")


def settle(clinic, host, files):
    """Asks and starts until there are no lines; how often."""
    for count in range(4):
        status, main, master = lines_for(host, clinic.config, clinic.etc)
        if not main and not master:
            assert status in (0, 4)
            return count
        assert status == 1
        assert not OWN_NAME.search("\n".join([*main, *master]))
        files.add(main, master)
        files.start()
    raise AssertionError("doctor never ends")


def met(host):
    """What clients meet, in the words of nobody's own names."""
    return {port: [{name: re.sub(r"[\s,]+", " ", value)
                    for name, value in host.met(port)[1].items()
                    if not name.startswith("tollgate_")},
                   *host.met(port)[2:]] for port in PORTS}


@pytest.fixture(scope="module")
def treated(stock):  # noqa: F811
    """A host made at random, its files, and what clients meet there after
    doctor's commands."""
    clinic, saved = stock  # noqa: F811
    clinic.restore(saved)
    host = Host(clinic, random.Random(0))
    # Values that a shell could take for its own.
    clinic.postconf("-P", r"12525/inet/syslog_name=a$$b`\"'")
    before = clinic.save()
    treat(clinic)
    return host, before, met(host)


@pytest.mark.parametrize("name", HOST_FILES)
def test_they_are_as_good_as_the_commands(treated, name):
    host, before, wanted = treated
    host.clinic.restore(before)
    files = HOST_FILES[name](host.clinic.etc, host.clinic.helper)
    assert settle(host.clinic, name, files) == 1
    files.start()
    assert met(host) == wanted


@pytest.mark.parametrize("name, is_found", [
    ("mailcow", True), ("plain", False), ("mailu", False)])
def test_what_a_host_cuts_is_not_leant_on(clinic, name, is_found):
    """Doctor's own commands put names into main.cf that master.cf refers to."""
    clinic.treat()
    assert clinic.names() == []
    files = HOST_FILES[name](clinic.etc, clinic.helper)
    status, main, master = lines_for(name, clinic.config, clinic.etc)
    assert (status, bool(master)) == ((1, True) if is_found else (0, False))
    files.add(main, master)
    if is_found:
        clinic.postconf("-X", "tollgate_policy")
        assert clinic.names() == []


def test_a_parameter_that_no_line_can_hold_is_told(clinic):
    clinic.postconf("-P", "12525/inet/smtpd_milters=unix:a}b")
    done = tollgatectl("-c", clinic.config, "doctor", "--for", "plain",
                       "--postfix-config", clinic.etc)
    assert "smtpd_milters has braces that are no pairs" in \
        re.sub(r"\s+", " ", done.stdout)


@pytest.mark.parametrize("sign, name", [
    ("dms_smtpd_sender_restrictions", "docker-mailserver"),
    ("podop", "mailu")])
def test_a_host_is_recognised(clinic, sign, name):
    clinic.postconf("-e", f"{sign}=x", f"smtpd_banner=${sign}")
    assert [it for it in examine(clinic.config, clinic.etc)[2]
            if f"--for {name}" in it]
    clinic.treat()
    assert not [it for it in examine(clinic.config, clinic.etc)[2]
                if "--for" in it]


def test_mailcow_is_recognised_by_its_folder(clinic):
    """Told, since the folder is another here."""
    etc = str(clinic.etc)
    from test_doctor_told import printed, tell
    text = printed(clinic).replace(f"config_directory = {etc}",
                                   "config_directory = /opt/postfix/conf")
    assert "--for mailcow" in tell(clinic, text).stdout


def test_what_people_read(clinic):
    """From the first column: what is copied with a blank before it would go on
    with the line above. What stands between is a comment in each file."""
    done = tollgatectl("-c", clinic.config, "doctor", "--for=mailcow",
                       "--postfix-config", clinic.etc)
    lines = done.stdout.splitlines()
    first = lines.index("# data/conf/postfix/extra.cf")
    block = lines[first:lines.index("", first)]
    assert "smtpd_tls_chain_files = " in done.stdout
    assert all(re.match(r"# |\w+ = |postconf -c ", line) for line in block)
    assert "    postconf" not in done.stdout
    assert lines[-1].endswith('"docker compose restart postfix-mailcow"')


@pytest.mark.parametrize("arguments, said", [
    (["--for", "postfix"], "no such host, but docker-mailserver|"),
    (["--for"], "usage: tollgatectl doctor"),
    (["--for", "plain", "x"], "\"x\""),
    (["--postfix-config", "/x", "-"], "two places"),
])
def test_errors(arguments, said):
    done = tollgatectl("doctor", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
