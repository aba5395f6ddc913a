"""Who is there: everybody has an address on the loopback device of a network
namespace that this file's tests share with nobody."""
import contextlib
import ctypes
import os
import subprocess

from harness.own_network import enter_own_network

HOST = "192.0.2.1"
PROXY = "192.0.2.2"       # the trusted one
FRONT = "172.22.1.2"      # another container of the host, and
NEIGHBOUR = "172.22.1.3"  # one more
STRANGER = "192.0.2.66"
LOCALHOST = "127.0.0.1"
# Nobody here: whom the proxy names.
CLIENT = "198.51.100.7"

_CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def own_network():
    """This thread, and all that it starts, is in it meanwhile."""
    with open("/proc/thread-self/ns/net", encoding="ascii") as home:
        enter_own_network()
        try:
            for address in (HOST, PROXY, FRONT, NEIGHBOUR, STRANGER):
                subprocess.run(["ip", "address", "add", f"{address}/32", "dev",
                                "lo"], check=True, timeout=60)
            yield
        finally:
            if ctypes.CDLL(None, use_errno=True).setns(
                    home.fileno(), _CLONE_NEWNET) != 0:
                number = ctypes.get_errno()
                raise OSError(number, f"setns: {os.strerror(number)}")
