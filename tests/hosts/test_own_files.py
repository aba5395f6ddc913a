"""Hosts that write main.cf and master.cf anew at each start: every path, with
the lines of doctor --for where each host keeps its own, after two starts."""
import random

import pytest

from harness.host_files import HOST_FILES, lines_for
from host import Host
from test_docker_mailserver import DOCKER_MAILSERVER_EDGE
from test_relays import DEBIAN
from test_stacks import MAILCOW, MAILU


@pytest.mark.parametrize("name, kind", [
    ("plain", DEBIAN), ("docker-mailserver", DOCKER_MAILSERVER_EDGE),
    ("mailcow", MAILCOW), ("mailu", MAILU)], ids=str)
def test_every_path(network, place, keep, name, kind):
    host = Host(kind, place, keep)
    files = HOST_FILES[name](host.postfix.etc, host.helper, random.Random(1))
    _, main, master = lines_for(name, host.config, host.postfix.etc)
    files.add(main, master)
    for _ in range(2):
        files.start()
    assert lines_for(name, host.config, host.postfix.etc)[1:] == ([], [])
    host.serve()
    host.must_play("after")
