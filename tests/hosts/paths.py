"""The ways by which mail comes to a host, and what it is told at the end."""
import base64
import re
import socket
import subprocess
from dataclasses import dataclass

from harness.tls import context_for
from harness.wait import PATIENCE, wait_until
from network import CLIENT, HOST, LOCALHOST, PROXY, STRANGER

OWN = "user@test.example"
OTHERS = "user@elsewhere.example"


class Way:
    def wanted(self, column):
        return self.before if column == "before" or not self.after \
            else self.after


@dataclass(frozen=True)
class Path(Way):
    """One way, and how the last reply begins: a regular expression. A session
    ends at the first refusal, and has one message; its sender is the path's."""
    name: str
    port: int
    before: str = "250"
    after: str = ""           # "": as before
    client: str = STRANGER    # where the connection comes from
    server: str = HOST
    says: str = ""            # the client that the PROXY header names
    tls: str = ""             # "start", "wrap"
    xclient: str = ""
    login: str = ""
    recipient: str = OWN
    messages: int = 1

    @property
    def is_forged(self):
        """A stranger, and what only the proxy may say."""
        return bool(self.says) and self.client != PROXY

    def play(self, host):
        """The last reply: one line."""
        sender = re.sub(r"\W+", "-", self.name) + "@client.example"
        with Session(self) as session:
            code = session.greet()
            if code == "220" and self.login:
                plain = base64.b64encode(f"\0{self.login}\0secret".encode())
                code = session.command(f"AUTH PLAIN {plain.decode()}")
            for _ in range(self.messages):
                if code[:1] == "2":
                    code = session.send(sender, self.recipient)
            return session.text


@dataclass(frozen=True)
class Sendmail(Way):
    """Mail of the machine's own: no smtpd has anything to do with it."""
    name: str = "sendmail"
    recipient: str = "cron@elsewhere.example"
    before: str = "sent"
    after: str = ""
    is_forged = False

    def play(self, host):
        mark = host.postfix.log.mark()
        subprocess.run(
            ["sendmail", "-C", str(host.postfix.etc), "-f",
             "cron@test.example", self.recipient],
            input=b"Subject: x\n\nx\n", check=True, timeout=60 * PATIENCE)
        host.postfix.log.wait_for(
            rf"to=<{re.escape(self.recipient)}>.*status=sent", since=mark,
            timeout=20)
        return "sent"


class Session:
    def __init__(self, path):
        self.path = path
        self.text = ""
        self._socket = socket.create_connection(
            (path.server, path.port), 20 * PATIENCE,
            source_address=(path.client, 0))
        if path.says:
            self._socket.sendall(
                f"PROXY TCP4 {path.says} {HOST} 40000 25\r\n".encode())
        self._file = self._socket.makefile("rb")

    def _encrypt(self):
        self._file.close()
        self._socket = context_for().wrap_socket(self._socket)
        self._file = self._socket.makefile("rb")

    def greet(self):
        """The code of the greeting, or of what went wrong after it."""
        try:
            if self.path.tls == "wrap":
                self._encrypt()
            code = self._reply()
        except OSError as error:
            self.text = f"421 without a word: {error}"
            return "421"
        if code == "220":
            self._hello()
        if code == "220" and self.path.tls == "start":
            if self.command("STARTTLS") != "220":
                return self.text[:3]
            self._encrypt()
            self._hello()
        if code == "220" and self.path.xclient:
            code = self.command(f"XCLIENT {self.path.xclient}")
            if code == "220":
                self._hello()
        return code

    def _hello(self):
        assert self.command("EHLO client.example") == "250", self.text

    def _reply(self):
        while True:
            line = self._file.readline().decode("ascii", "replace")
            if line[3:4] != "-":
                self.text = line.rstrip("\r\n")
                return line[:3]

    def command(self, line):
        self._socket.sendall(line.encode() + b"\r\n")
        return self._reply()

    def send(self, sender, recipient):
        code = "250"
        for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA",
                     "Subject: test\r\n\r\nHello\r\n."):
            if code[:1] not in "23":
                break
            code = self.command(line)
        return code

    def close(self):
        self._file.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def from_the_net(port=25, **more):
    """Mail for the host's own users, and what nobody but they may."""
    return [Path(f"{port} from the net", port, **more),
            Path(f"{port} from the net to others", port, "[45]5[04]",
                 recipient=OTHERS, **more)]


def proxied(port, forged="250", **more):
    """Honest mail, and two that a stranger forges; forged: the reply to him
    before tollgate was there."""
    return [
        Path(f"{port} by the proxy", port, client=PROXY, says=CLIENT, **more),
        Path(f"{port} to others by the proxy", port, "[45]5[04]", client=PROXY,
             says=CLIENT, recipient=OTHERS, **more),
        Path(f"{port} forged as localhost", port, forged, "421",
             says=LOCALHOST, recipient=OTHERS, **more),
        Path(f"{port} forged as a client", port, "250", "421", says=CLIENT,
             **more),
    ]


def submitted(port, tls="start", **more):
    """With a login, and without one."""
    return [Path(f"{port} with a login", port, tls=tls, login="bob",
                 recipient=OTHERS, **more),
            Path(f"{port} without a login", port, "5[35][04]", tls=tls,
                 recipient=OTHERS, **more)]


def submitted_by_proxy(port, tls="start", forged="250"):
    """The same behind the proxy, and a stranger who says he is localhost."""
    return [*submitted(port, tls, client=PROXY, says=CLIENT),
            Path(f"{port} forged", port, forged, "421", tls=tls,
                 says=LOCALHOST, recipient=OTHERS),
            Path(f"{port} forged with a login", port, "250", "421", tls=tls,
                 says=CLIENT, login="bob", recipient=OTHERS)]


def from_localhost(port=25, before="250", **more):
    return [Path(f"{port} from localhost", port, before, client=LOCALHOST,
                 server=LOCALHOST, recipient=OTHERS, **more)]


def limited(port, **more):
    """Two messages of one sender, who may send one a day."""
    return [Path(f"{port} too often", port, "250", "450", messages=2,
                 **more)]
