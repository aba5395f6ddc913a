"""The terminal session in tollgatectl(1) is what really happens."""
import pathlib
import re
import shlex

import pytest

from harness.attributes import Anvil
from harness.control import tollgatectl
from harness.policyd import Policyd

PAGE = pathlib.Path(__file__).resolve().parents[2] / "doc" / "tollgatectl.1"
CLIENT = "198.51.100.7"
# What differs from one run to the next.
LOOSE = [(r"\d{4}-\d\d-\d\d \d\d:\d\d", r"\d{4}-\d\d-\d\d \d\d:\d\d"),
         (r"[0-9a-f]{16}", r"[0-9a-f]{16}"),
         (r"pid \d+", r"pid \d+"),
         (r"\d+\.\d+\.\d+(?=,)", r"\d+\.\d+\.\d+"),
         (r"\b\d+(d|h|m|s)( \d+(h|m|s))?\b", r"\d+[dhms]( \d+[hms])?"),
         (r" {2,}", r" +")]


def sessions():
    """[(command line, output)] of the section EXAMPLES."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(".Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
    blocks = re.findall(r"\.Bd -literal[^\n]*\n(.*?)\.Ed\n", section, re.DOTALL)
    found = []
    for line in "".join(blocks).replace("\\e", "\\").splitlines():
        if line.startswith("# "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(line):
    """A regular expression for what a line of output may be."""
    pieces = [line.rstrip()]
    for search, loose in LOOSE:
        split = []
        for piece in pieces:
            if isinstance(piece, tuple):
                split.append(piece)
                continue
            end = 0
            for match in re.finditer(search, piece):
                split += [piece[end:match.start()], (loose,)]
                end = match.end()
            split.append(piece[end:])
        pieces = split
    return "".join(it[0] if isinstance(it, tuple) else re.escape(it)
                   for it in pieces)


@pytest.fixture
def policyd(place, keep):
    place.chmod(0o777)
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy",
                            f"anvil:unix:{place}/anvil"],
        options={"client_limits_at": "anvil",
                 "client_connection_count_limit": 5,
                 "client_message_rate_limit": 100, "instance_name": "mx1"}))
    smtpds = [keep(Anvil(place / "anvil")) for _ in range(2)]
    for smtpd in smtpds:
        smtpd.event("connect", CLIENT, service="25")
    for _ in range(101):
        smtpds[0].event("message", CLIENT, service="25")
    return policyd


def test_the_session_of_the_manual(policyd):
    commands = sessions()
    assert len(commands) >= 5
    for line, output in commands:
        words = shlex.split(line)
        assert words[0] == "tollgatectl"
        if words[1:] == ["reload"]:
            policyd.write_config(client_message_rate_limit=200,
                                 store_timeout="50ms")
        done = tollgatectl(*words[1:], sockets=[policyd])
        said = (done.stdout + done.stderr).replace(
            str(policyd.config), "/etc/tollgate/tollgate.conf")
        lines = [text.rstrip() for text in said.splitlines()]
        print(line, *lines, sep="\n")
        assert len(lines) == len(output), f"{line}\n{said}"
        for expected, real in zip(output, lines):
            assert re.fullmatch(pattern(expected), real), \
                f"{line}\n{expected!r}\n{real!r}"


def test_what_is_compared():
    """The test would notice."""
    assert re.fullmatch(pattern("store  memory:, 7m"), "store   memory:, 1h 2m")
    assert not re.fullmatch(pattern("store  memory:"), "store  redis:")
    assert not re.fullmatch(pattern("used  5"), "used  6")
