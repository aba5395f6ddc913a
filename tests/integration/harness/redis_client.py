"""Just enough of Redis's protocol to look at a server: values are bytes."""
import socket


class RedisClient:
    def __init__(self, server):
        """server: a harness RedisServer."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(str(server.socket))
        self._file = self._socket.makefile("rb")

    def call(self, *arguments):
        return self.calls([arguments])[0]

    def calls(self, commands):
        """The replies to many commands, sent in one go."""
        self._socket.sendall(b"".join(map(_command, commands)))
        return [self._reply() for _ in commands]

    def keys(self):
        """All of them, in small steps as a busy server needs."""
        cursor, found = b"0", set()
        while True:
            cursor, some = self.call("SCAN", cursor, "COUNT", 500)
            found.update(some)
            if cursor == b"0":
                return sorted(found)

    def _reply(self):
        line = self._file.readline()
        assert line.endswith(b"\r\n"), "the server has gone"
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return self._file.read(int(rest) + 2)[:-2] if rest != b"-1" else None
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        assert kind != b"-", rest
        return int(rest) if kind == b":" else rest

    def close(self):
        self._file.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _command(arguments):
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(
        b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
