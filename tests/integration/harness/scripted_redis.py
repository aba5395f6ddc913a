"""A server that greets like Redis and then says what the test tells it to:
for replies that no real one gives on demand."""
import socket
import threading

SHA = b"$40\r\n" + b"0" * 40 + b"\r\n"
GREETING = {b"AUTH": b"+OK\r\n", b"SELECT": b"+OK\r\n",
            b"CLIENT": b"+OK\r\n", b"SCRIPT": SHA}


class ScriptedRedis:
    """say: an iterator of the bytes that answer what comes after a greeting;
    None: the connection is closed instead."""

    def __init__(self, say):
        self.say = say
        self.connections = self.calls = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                peer = self._listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer,),
                             daemon=True).start()

    def _serve(self, peer):
        with peer, peer.makefile("rb") as lines:
            try:
                while self._answer(peer, lines):
                    pass
            except (OSError, ValueError):
                pass

    def _answer(self, peer, lines):
        count = int(lines.readline()[1:])
        words = [lines.read(int(lines.readline()[1:]) + 2)[:-2]
                 for _ in range(count)]
        if words[0] in GREETING:
            peer.sendall(GREETING[words[0]])
            return True
        self.calls += 1
        said = next(self.say)
        if said is None:
            return False
        peer.sendall(said)
        return True

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
