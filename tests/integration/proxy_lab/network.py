"""Network namespaces on one bridge, made and removed by the test."""
import contextlib
import ctypes
import itertools
import os
import subprocess

from harness.own_network import widen_datagram_queues
from harness.wait import PATIENCE

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_numbers = itertools.count(0)

# Who is there, and the last part of its addresses.
HOSTS = {"mail": 1, "haproxy": 3, "nginx": 4, "client": 9, "attacker": 66}


def ipv4(host):
    return f"10.90.0.{HOSTS[host]}"


def ipv6(host):
    return f"fd90::{HOSTS[host]:x}"


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True,
                   text=True, timeout=10 * PATIENCE)


class Network:
    def __init__(self):
        self._prefix = f"tg{os.getpid():x}.{next(_numbers)}"
        self._made = []
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def name(self, host):
        return f"{self._prefix}-{host}"

    def _make(self):
        for host in HOSTS:
            _ip("netns", "add", self.name(host))
            self._made.append(self.name(host))
            self._inside(host, "link", "set", "lo", "up")
        self._inside("mail", "link", "add", "bridge", "type", "bridge")
        self._give_addresses("mail", "bridge")
        for host in HOSTS:
            if host != "mail":
                self._plug_in(host)
        with self.inside("mail"):
            widen_datagram_queues()

    def _inside(self, host, *arguments):
        _ip("-n", self.name(host), *arguments)

    def _plug_in(self, host):
        self._inside("mail", "link", "add", host, "type", "veth",
                     "peer", "name", "eth0", "netns", self.name(host))
        self._inside("mail", "link", "set", host, "master", "bridge", "up")
        self._give_addresses(host, "eth0")

    def _give_addresses(self, host, device):
        self._inside(host, "link", "set", device, "up")
        self._inside(host, "address", "add", f"{ipv4(host)}/24", "dev", device)
        # nodad: usable at once.
        self._inside(host, "address", "add", f"{ipv6(host)}/64", "dev", device,
                     "nodad")

    def command(self, host):
        """What to put before a command that is to run there."""
        return ["ip", "netns", "exec", self.name(host)]

    def set_link(self, host, state):
        """up or down; hosts other than mail."""
        self._inside("mail", "link", "set", host, state)

    @contextlib.contextmanager
    def inside(self, host):
        """Sockets that this thread makes meanwhile are that host's."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as home, \
                open(f"/run/netns/{self.name(host)}", encoding="ascii") as there:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)

    def close(self):
        while self._made:
            _ip("netns", "delete", self._made.pop())


def _enter(namespace):
    if _LIBC.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
