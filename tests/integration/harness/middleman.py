"""Stands between a stock smtpd and policyd, and alters what smtpd asks: what a
later Postfix might send, or one that is out of its mind. To policyd it is a
process with a client of the test's choice."""
import contextlib
import os
import socket
import threading


class Middleman:
    """path: where smtpd connects. peer: an Smtpd, which connects to target.
    alter(request): bytes to send instead; may be changed."""

    def __init__(self, path, target, peer, *, greets=True):
        self._target, self._peer = target, peer
        self.alter = lambda request: request
        self._greets = greets
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        os.chmod(path, 0o666)
        self._listener.listen()
        self._open = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                smtpd = self._listener.accept()[0]
                policyd = self._peer.connect(self._target)
                self._open += [smtpd, policyd]
                thread = threading.Thread(
                    target=self._pass_on, args=(smtpd, policyd))
                thread.start()

    def _pass_on(self, smtpd, policyd):
        with smtpd, policyd, contextlib.suppress(OSError):
            policyd.settimeout(15)
            if self._greets:
                smtpd.sendall(policyd.recv(1000))
            while request := smtpd.recv(65536):
                policyd.sendall(self.alter(request))
                if not (answer := policyd.recv(1000)):
                    return
                smtpd.sendall(answer)

    def close(self):
        # A blocked accept(2) or recv(2) ends at a shutdown, not at a close.
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
