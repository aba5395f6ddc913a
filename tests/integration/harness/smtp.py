"""An SMTP client that shows every reply, from any address of loopback."""
import hashlib
import socket
import time

from .tls import context_for
from .wait import PATIENCE


class Smtp:
    """Connected and greeted, or refused: look at greeting.

    Codes are text, "421"; a connection that ends is the reply "".
    """

    def __init__(self, server, source="127.0.0.1", timeout=15):
        started = time.monotonic()
        self._socket = socket.create_connection(
            server, timeout * PATIENCE, source_address=(source, 0))
        self._file = self._socket.makefile("rb")
        self.text = ""
        self.greeting = self._reply()
        self.greeted_after = time.monotonic() - started

    def _reply(self):
        lines = []
        while True:
            try:
                line = self._file.readline().decode("ascii", "replace")
            except ConnectionResetError:
                line = ""
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        self.text = "\n".join(lines)
        return lines[-1][:3]

    def read_reply(self):
        """One that was not asked for."""
        return self._reply()

    def local_port(self):
        return self._socket.getsockname()[1]

    def command(self, line):
        try:
            self._socket.sendall(line.encode("ascii") + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            return ""
        return self._reply()

    def hello(self):
        assert self.greeting == "220", self.text
        code = self.command("EHLO client.example")
        assert code == "250", self.text
        return self

    def mail(self, sender="sender@client.example"):
        return self.command(f"MAIL FROM:<{sender}>")

    def rcpt(self, recipient="user@test.example"):
        return self.command(f"RCPT TO:<{recipient}>")

    def send_message(self, recipients=1, **mail):
        """The first refusing reply, or the one to the content: "250"."""
        code = self.mail(**mail)
        for number in range(recipients):
            if code == "250":
                code = self.rcpt(f"user{number}@test.example")
        if code == "250":
            code = self.command("DATA")
        if code == "354":
            code = self.command("Subject: test\r\n\r\nHello\r\n.")
        elif code != "250":
            refusal = self.text
            self.command("RSET")
            self.text = refusal
        return code

    def start_tls(self, name=None):
        """Says EHLO again; the SHA-256 of the certificate, hex."""
        assert self.command("STARTTLS") == "220", self.text
        fingerprint = self.shake_hands(name)
        assert self.command("EHLO client.example") == "250", self.text
        return fingerprint

    def shake_hands(self, name=None):
        """After STARTTLS; the SHA-256 of the certificate, hex."""
        self._file.close()
        self._socket = context_for().wrap_socket(
            self._socket, server_hostname=name)
        self._file = self._socket.makefile("rb")
        return hashlib.sha256(
            self._socket.getpeercert(binary_form=True)).hexdigest()

    def quit(self):
        self.command("QUIT")
        self.close()

    def close(self):
        self._file.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def send_one(server, source, **message):
    """One message in a session of its own: its code, greeting included."""
    with Smtp(server, source) as session:
        if session.greeting != "220":
            return session.greeting
        code = session.hello().send_message(**message)
        session.quit()
        return code
