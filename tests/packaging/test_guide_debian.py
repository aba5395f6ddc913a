"""doc/guide-debian.md, typed into a fresh Debian, block by block."""
import re

import pytest

from harness.policyd import TOP
from packlab.session import greet

pytestmark = pytest.mark.xdist_group("debian")
GUIDE = TOP / "doc/guide-debian.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
STEP = re.compile(r"^## (\d+)\. ", re.M)


def steps():
    """{number: [block]}"""
    _, *parts = STEP.split(GUIDE.read_text())
    return {int(number): BLOCK.findall(text)
            for number, text in zip(parts[::2], parts[1::2])}


@pytest.fixture(scope="module")
def machine(fresh):
    return fresh("guide", more=["redis-server"])


def play(machine, number):
    """What the blocks of a step have printed."""
    return "\n".join(machine.run(block) for block in steps()[number])


def test_it_is_installed_and_doctor_has_something_to_say(machine):
    assert "postconf" in play(machine, 1)


def test_it_runs_with_its_limits(machine):
    assert "redis" in play(machine, 2)


def test_doctor_s_advice_leaves_nothing_to_say(machine):
    """Postfix is asked by tollgate from then on."""
    text = play(machine, 3)
    assert "nothing found" in text
    assert greet(machine, 25) == "220"
    assert "tollgate-anvil-pass" in machine.run("postconf -M anvil/unix")


def test_the_proxy_is_proven(machine):
    text = play(machine, 4)
    assert "nothing found" in text and "192.0.2.10" in text
    assert greet(machine, 12525, "198.51.100.9") == "421"
    assert "untrusted" in machine.run("journalctl -u tollgate-policyd")


def test_a_stolen_login_is_stopped(machine):
    text = play(machine, 7)
    assert "password stolen" in text
    assert "outbound-day" in machine.run("tollgatectl config show")
    assert "sasl:bob" not in machine.run("tollgatectl bans")


def test_it_can_be_watched_and_changed(machine):
    play(machine, 8)
    play(machine, 9)
    assert greet(machine, 25) == "220"
    assert machine.try_run("pidof tollgate-policyd").stdout == ""


def test_every_step_was_played():
    """Blocks for other cases than this one's are not marked as sh."""
    assert {number for number, blocks in steps().items() if blocks} == \
        {1, 2, 3, 4, 7, 8, 9}
