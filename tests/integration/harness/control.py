"""tollgatectl, and the control socket without it."""
import json
import os
import socket
import subprocess

from .policyd import BUILD

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


class Control:
    """A connection: lines in, JSON objects out."""

    def __init__(self, daemon, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(daemon.control))
        self._pending = b""

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """The next line; None if the connection has ended."""
        while b"\n" not in self._pending:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self._pending
                return None
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command, **arguments):
        self.send(json.dumps({"command": command, "arguments": arguments})
                  .encode() + b"\n")
        return self.read()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
