"""A way from this machine's loopback into the demo's own network.

python3 -m demo.door COMMAND [ARGUMENT...]
Listens on a free port of 127.0.0.1 and becomes COMMAND, with --door FD behind
its arguments: a socket belongs to the namespace that it was made in, wherever
the process goes that has it.
"""
import contextlib
import os
import select
import socket
import sys
import threading


def relay(client, address):
    """Bytes both ways until one side ends."""
    with client, contextlib.suppress(OSError), \
            socket.create_connection(address, 5) as server:
        other = {client: server, server: client}
        while True:
            for side in select.select([client, server], [], [], 10)[0] or [None]:
                data = side.recv(65536) if side else b""
                if not data:
                    return
                other[side].sendall(data)


class Door:
    """fd: listens. Who comes there comes to the address."""

    def __init__(self, fd, address):
        self._socket = socket.socket(fileno=fd)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, args=[address],
                         daemon=True).start()

    def _serve(self, address):
        while True:
            client, _ = self._socket.accept()
            threading.Thread(target=relay, args=[client, address],
                             daemon=True).start()


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    os.set_inheritable(listener.fileno(), True)
    os.execvp(sys.argv[1], [*sys.argv[1:], "--door", str(listener.fileno())])


if __name__ == "__main__":
    main()
