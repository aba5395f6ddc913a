"""bash completes tollgatectl's commands: all of its table, and nothing else."""
import re
import subprocess

import pytest

from harness.clinic import TOLLGATECTL, tollgatectl
from harness.policyd import TOP

SCRIPT = r"""
. "$0"
program=$1
shift
words=()
for word; do
    if [ "$word" != $'\f' ]; then
        words+=("$word")
        continue
    fi
    COMP_WORDS=("$program" "${words[@]}") COMP_CWORD=${#words[@]} COMPREPLY=()
    _tollgatectl
    printf '%s\n' "${COMPREPLY[@]}" $'\f'
    words=()
done
"""


def complete_each(lines):
    """What is offered for the last word of each."""
    done = subprocess.run(
        ["bash", "-uc", SCRIPT, str(TOP / "ctl/tollgatectl.bash"),
         str(TOLLGATECTL), *(word for line in lines for word in (*line, "\f"))],
        check=True, timeout=60, capture_output=True, text=True)
    assert done.stderr == ""
    return [answer.split("\n")[:-1] if answer.strip() else []
            for answer in done.stdout.removesuffix("\f\n").split("\f\n")]


def complete(*words):
    return complete_each([words])[0]


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
    """After options of tollgatectl's own too, of which a few will do."""
    rows = [*table()]
    commands = rows[::8] if before else rows
    halves = [(name[:i], word) for name, _ in commands
              for i, word in enumerate(name)]
    for (_, word), offered in zip(halves, complete_each(
            [(*before, *words, word[:2]) for words, word in halves])):
        assert word in offered
    for (name, options), after in zip(commands, complete_each(
            [(*before, *name, "") for name, _ in commands])):
        assert set(options) <= set(after), name
        if len([it for it, _ in rows if it[:len(name)] == name]) == 1:
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
