"""What decisions wait while 64 connections of the control socket ask as fast
as they are answered."""
import contextlib
import json
import os
import select
import socket
import threading

from . import figures, machine, policy, script

READERS = 64
READER = 21003  # may change nothing, and has 48 places; the rest is root's
PLACES = 48
COMMANDS = ["config check", "config show", "status", "top", "explain", "watch"]


def line_of(command):
    arguments = {"request": {"client": "203.0.113.1"}} \
        if command == "explain" else {}
    return json.dumps({"command": command, "arguments": arguments})


class Readers:
    """One thread, so that they leave the CPU to others."""

    def __init__(self, path, command):
        self.stop = threading.Event()
        self.line = line_of(command).encode() + b"\n"
        self.peers = {}
        self.poll = select.poll()
        for number in range(READERS):
            peer = socket.socket(socket.AF_UNIX)
            # The kernel notes who connects.
            os.seteuid(READER if number < PLACES else 0)
            try:
                peer.connect(str(path))
            finally:
                os.seteuid(0)
            peer.sendall(self.line * 2)
            self.peers[peer.fileno()] = peer
            self.poll.register(peer, select.POLLIN)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while not self.stop.is_set():
            for number, _ in self.poll.poll(100):
                try:
                    lines = self.peers[number].recv(1 << 16).count(b"\n")
                    self.peers[number].sendall(self.line * lines)
                except ConnectionError:  # it has made room for another
                    self.poll.unregister(number)

    def close(self):
        self.stop.set()
        self.thread.join()
        for peer in self.peers.values():
            peer.close()


def measure_one(folder, size, command):
    with contextlib.ExitStack() as stack:
        path = folder / "policyd/policy"
        policyd = machine.start_policyd(
            stack, path.parent, f"policy:unix:{path}", machine.SERVER_CPU,
            control_mode="0666", client_limits_at="policy",
            client_recipient_rate_limit=script.NEVER)
        readers = Readers(policyd.control, command)
        stack.callback(readers.close)
        runs = [policy.ask(path, policyd.process, size.requests // 100,
                           "--connections", 1) for _ in range(size.pairs)]
    p99 = [each / 1000 for each in policy.column(runs, "p99_us")]
    return figures.of_pairs(
        f"readers-{command.replace(' ', '-')}",
        f"p99 of a decision while {READERS} readers ask for {command}", p99,
        unit="ms", asked=5, at_least=False)


def measure(folder, size):
    found = []
    for command in COMMANDS:
        inside = folder / command.replace(" ", "-")
        inside.mkdir()
        inside.chmod(0o755)
        found.append(measure_one(inside, size, command))
    return found
