"""A connection whose answers end with a separator."""
import socket


class Separated:
    """server: a unix socket path or an (address, port)."""

    separator = None

    def __init__(self, server, timeout=10):
        if isinstance(server, tuple):
            self.socket = socket.create_connection(server, timeout)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(server))
        self._pending = b""

    def read_one(self):
        """The bytes before the next separator; None if the connection has
        ended."""
        while self.separator not in self._pending:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._pending += data
        one, self._pending = self._pending.split(self.separator, 1)
        return one

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
