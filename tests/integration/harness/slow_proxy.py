"""A process between a daemon and its Redis that is slow or silent on demand,
because not every kernel has netem.

As a program: slow_proxy.py LISTEN_PORT TARGET_PORT, and one fault a line on
its standard input: "pass", "delay MS", "drip" (a byte a second, each way), or
"hole" (what is sent now is lost, and so are its connections for ever: nobody
ever answers there, or closes them).
"""
import collections
import selectors
import socket
import subprocess
import sys
import time

from .ports import free_port
from .wait import wait_until


class SlowProxy:
    def __init__(self, target_port):
        self.port = free_port()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "harness.slow_proxy", str(self.port),
             str(target_port)], stdin=subprocess.PIPE, text=True, bufsize=1,
            cwd=__file__.rsplit("/harness/", 1)[0])
        try:
            wait_until(self._listens, 10, "the proxy listens")
        except BaseException:
            self.close()
            raise

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def set(self, fault):
        self._child.stdin.write(fault + "\n")

    def close(self):
        self._child.stdin.close()
        self._child.kill()
        self._child.wait()


class _Pipe:
    """One direction of one connection."""

    def __init__(self, proxy, source, target):
        self.proxy, self.source, self.target = proxy, source, target
        self.chunks = collections.deque()  # (when, bytes)
        self.is_lost = False

    def read(self):
        """False: the source has ended."""
        try:
            data = self.source.recv(65536)
        except OSError:
            return False
        if self.proxy.fault == "hole":
            self.is_lost = True
        if self.is_lost:
            return True
        now = time.monotonic()
        if self.proxy.fault == "drip" and data:
            last = self.chunks[-1][0] if self.chunks else now
            self.chunks.extend((last + 1 + i, data[i:i + 1])
                               for i in range(len(data)))
        elif data:
            self.chunks.append((now + self.proxy.delay, data))
        return data != b""

    def write(self):
        """Until when there is nothing to do."""
        now = time.monotonic()
        while self.chunks and self.chunks[0][0] <= now:
            self.target.sendall(self.chunks.popleft()[1])
        return self.chunks[0][0] if self.chunks else now + 60


class _Proxy:
    def __init__(self, port, target_port):
        self.fault, self.delay = "pass", 0.0
        self.target_port = target_port
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self.command)
        self.pipes = []

    def command(self):
        words = sys.stdin.readline().split()
        if not words:
            sys.exit(0)
        self.fault = words[0]
        self.delay = int(words[1]) / 1000 if len(words) > 1 else 0.0

    def accept(self):
        near = self.listener.accept()[0]
        try:
            far = socket.create_connection(("127.0.0.1", self.target_port))
        except OSError:
            near.close()
            return
        pair = [_Pipe(self, near, far), _Pipe(self, far, near)]
        self.pipes += pair
        for pipe in pair:
            self.selector.register(pipe.source, selectors.EVENT_READ,
                                   lambda pipe=pipe: self.move(pipe))

    def move(self, pipe):
        if not pipe.read():
            self.end(pipe)

    def end(self, pipe):
        sockets = {pipe.source, pipe.target}
        if pipe.is_lost:
            self.selector.unregister(pipe.source)
            self.pipes.remove(pipe)
            return
        self.pipes = [it for it in self.pipes if it.source not in sockets]
        for one in sockets:
            if one in self.selector.get_map():
                self.selector.unregister(one)
            one.close()

    def write(self):
        until = time.monotonic() + 60
        for pipe in list(self.pipes):
            try:
                until = min(until, pipe.write())
            except OSError:
                self.end(pipe)
        return until

    def run(self):
        while True:
            wait = max(0.0, self.write() - time.monotonic())
            for key, _ in self.selector.select(wait):
                # An earlier one of this turn may have ended it.
                if key.fileobj in self.selector.get_map():
                    key.data()


if __name__ == "__main__":
    _Proxy(int(sys.argv[1]), int(sys.argv[2])).run()
