"""A network namespace of its own for this process and all that it starts:
what runs at the same time may then use the same ports and names."""
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000


def enter_own_network():
    # os.unshare is there from Python 3.12 on; Debian 12 has 3.11.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    widen_datagram_queues()


def widen_datagram_queues():
    """Postfix's postlogd sends a line of its own to its own socket: if ten
    others wait there already, which a busy machine sees to, it waits for
    itself, and all of that Postfix for it. The setting is of the namespace."""
    with open("/proc/sys/net/unix/max_dgram_qlen", "w",
              encoding="ascii") as file:
        file.write("1000")
