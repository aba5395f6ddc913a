"""Free TCP ports on loopback, below the range that the kernel takes ports for
outgoing connections from: those could be gone again before we bind them."""
import random
import socket

FIRST, LAST = 20000, 29999
_given = set()


def _is_free(port, addresses):
    for address in addresses:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_port(*addresses):
    """A port that is free at each of the addresses; never given twice."""
    while True:
        port = random.randint(FIRST, LAST)
        if port not in _given and _is_free(port, addresses or ("127.0.0.1",)):
            _given.add(port)
            return port
