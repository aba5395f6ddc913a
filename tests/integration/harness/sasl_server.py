"""A login service for Postfix (smtpd_sasl_type = dovecot): PLAIN, and whoever
comes is let in as whom he says he is."""
import base64
import os
import socket
import threading

GREETING = ("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n"
            "COOKIE\t00000000000000000000000000000000\nDONE\n")


class SaslServer:
    """At a unix socket that smtpd processes can reach."""

    def __init__(self, path):
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        os.chmod(path, 0o666)
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def main_cf(self):
        return {"smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot",
                "smtpd_sasl_path": self._path}

    def _accept(self):
        while True:
            try:
                peer = self._listener.accept()[0]
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=[peer],
                             daemon=True).start()

    @staticmethod
    def _serve(peer):
        with peer, peer.makefile("rw", encoding="ascii") as lines:
            lines.write(GREETING)
            lines.flush()
            for line in lines:
                words = line.rstrip("\n").split("\t")
                if words[0] != "AUTH":
                    continue
                plain = words[-1].removeprefix("resp=")
                user = base64.b64decode(plain).split(b"\0")[1].decode()
                lines.write(f"OK\t{words[1]}\tuser={user}\n")
                lines.flush()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


def log_in(session, user):
    """The reply to AUTH."""
    plain = base64.b64encode(f"\0{user}\0secret".encode()).decode()
    return session.command(f"AUTH PLAIN {plain}")
