"""tollgatectl, and the control socket without it."""
import json
import os
import subprocess

from .policyd import BUILD
from .separated import Separated

TOLLGATECTL = BUILD / "tollgatectl"


def tollgatectl(*words, sockets=(), before=(), timeout=60):
    """What it printed and its status; sockets: daemons, or paths."""
    paths = [str(getattr(it, "control", it)) for it in sockets]
    argv = [*before, TOLLGATECTL]
    for path in paths:
        argv += ["-s", path]
    return subprocess.run([*map(str, argv), *map(str, words)], text=True,
                          capture_output=True, timeout=timeout, check=False,
                          env={**os.environ, "TERM": "dumb", "TZ": "UTC"})


def asked(daemon, *words):
    """The result of a command that must succeed."""
    done = tollgatectl("-j", *words, sockets=[daemon])
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["result"]


class Control(Separated):
    """A connection: lines in, JSON objects out."""

    separator = b"\n"

    def __init__(self, daemon, timeout=10):
        super().__init__(daemon.control, timeout)

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """The next line; None if the connection has ended."""
        line = self.read_one()
        assert line is not None or not self._pending
        return None if line is None else json.loads(line)

    def ask(self, command, **arguments):
        self.send(json.dumps({"command": command, "arguments": arguments})
                  .encode() + b"\n")
        return self.read()
