"""The units by themselves: how closed systemd finds them."""
import re
import subprocess

import pytest

from harness.policyd import BUILD, TOP

MOST_EXPOSED = 2.3
SERVICES = ["tollgate-policyd.service", "tollgate-milter.service"]
CONF = TOP / "conf" / "systemd"


@pytest.mark.parametrize("name", SERVICES)
def test_the_sandbox_is_closed(name):
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager",
         BUILD / "conf" / "systemd" / name],
        capture_output=True, text=True, check=True).stdout
    exposure = re.search(rf"exposure level for {name}: ([0-9.]+)", told)
    assert exposure and float(exposure[1]) <= MOST_EXPOSED, told


@pytest.mark.parametrize("name", SERVICES)
def test_a_hung_daemon_has_ten_seconds(name):
    text = (BUILD / "conf" / "systemd" / name).read_text()
    patience = [int(value) for value in re.findall(
        r"^(?:WatchdogSec|TimeoutAbortSec)=(\d+)s$", text, re.M)]
    assert len(patience) == 2 and sum(patience) < 10


def test_nothing_of_ours_makes_what_is_postfixs():
    """private/ above all: Postfix refuses one that is not its own."""
    made = []
    for path in CONF.rglob("*"):
        if path.is_dir():
            continue
        for line in path.read_text().splitlines():
            if line.startswith("d "):
                made.append(line.split()[1])
            elif line.startswith(("ListenStream=/", "ReadWritePaths=")):
                made += [word.lstrip("-") for word in
                         line.split("=", 1)[1].split()]
    assert any(name.startswith("/var/spool/postfix/") for name in made)
    for name in made:
        assert name.startswith(("/run/tollgate", "/var/spool/postfix/tollgate"))
