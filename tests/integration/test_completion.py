"""bash completes tollgatectl's commands: all of its table, and nothing else."""
import re
import subprocess

import pytest

from harness.clinic import TOLLGATECTL, tollgatectl
from harness.policyd import TOP

SCRIPT = """
. "$0"
program=$1
shift
COMP_WORDS=("$program" "$@")
COMP_CWORD=$#
_tollgatectl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    """What is offered for the last of these words."""
    done = subprocess.run(
        ["bash", "-uc", SCRIPT, str(TOP / "ctl/tollgatectl.bash"),
         str(TOLLGATECTL), *words],
        check=True, timeout=20, capture_output=True, text=True)
    assert done.stderr == ""
    return [word for word in done.stdout.splitlines() if word]


def table():
    """(words of the name, options) of each command that -h lists."""
    text = tollgatectl("-h").stdout
    for row in re.findall(r"^  ([a-z].*)$", text.split("commands:")[1], re.M):
        row = re.split(r"  +", row)[0]
        name = re.match(r"[a-z]+( [a-z]+\b)*", row)[0]
        yield name.split(), re.findall(r"(?<=[\[| ])--?[a-z-]+", row)


def test_first_words():
    offered = complete("")
    assert sorted(offered) == sorted({name[0] for name, _ in table()})
    assert len(offered) >= 8


@pytest.mark.parametrize("before", [
    (), ("-j",), ("-s", "/run/x.sock"), ("-c", "doctor", "-j")])
def test_every_command(before):
    """After options of tollgatectl's own, too."""
    for name, options in table():
        for i, word in enumerate(name):
            assert word in complete(*before, *name[:i], word[:2])
        after = complete(*before, *name, "")
        assert set(options) <= set(after), name
        if len([other for other, _ in table() if other[:len(name)] == name]) \
                == 1:
            assert set(options) == set(after), name


def test_options_and_folders(place):
    assert complete("-") == ["-c", "-h", "-j", "-s", "-V"]
    (place / "postfix").mkdir()
    (place / "file").write_text("")
    assert complete("doctor", "--postfix-config", f"{place}/") == [
        f"{place}/postfix"]
    assert sorted(complete("-s", f"{place}/")) == [
        f"{place}/file", f"{place}/postfix"]
    assert complete("nonsense", "") == []
    assert complete("status", "x") == []
