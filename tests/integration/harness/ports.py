"""Free TCP ports on loopback, below the range that the kernel takes ports for
outgoing connections from: those could be gone again before we bind them."""
import random
import socket

FIRST, LAST = 20000, 29999
_given = set()


def is_taken(server):
    """The kernel's word is enough: nobody who listens there is woken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(server)
            return False
        except OSError:
            return True


def free_port(*addresses):
    """A port that is free at each of the addresses; never given twice."""
    while True:
        port = random.randint(FIRST, LAST)
        if port not in _given and not any(
                is_taken((address, port))
                for address in addresses or ("127.0.0.1",)):
            _given.add(port)
            return port
