"""What an attacker who reaches the PROXY port can try: a header that lies,
and a way to hand over mail before anybody has looked at him."""
import contextlib
import itertools
import socket
import ssl
import struct
import time

from harness.wait import PATIENCE

SENDER = "attacker@evil.example"
RECIPIENT = "user@test.example"

_fresh = itertools.count(0)


def v1(client, server="10.90.0.1", family="TCP4"):
    return f"PROXY {family} {client} {server} 40000 25\r\n".encode()


def v2(client, server="10.90.0.1"):
    return _v2_head(0x21, 0x11, socket.inet_aton(client)
                    + socket.inet_aton(server) + struct.pack("!HH", 40000, 25))


def v2_ipv6(client, server="fd90::1"):
    pack = lambda text: socket.inet_pton(socket.AF_INET6, text)
    return _v2_head(0x21, 0x21, pack(client) + pack(server)
                    + struct.pack("!HH", 40000, 25))


def _v2_head(command, family, body):
    return (b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family])
            + struct.pack("!H", len(body)) + body)


def fresh():
    number = next(_fresh)
    return f"198.51.{100 + number // 250 % 100}.{1 + number % 250}"


# Named in main.cf: what each would gain if it were believed.
NETWORK_CLIENT = "198.18.5.5"  # in mynetworks
XCLIENT_CLIENT = "198.18.6.6"  # in smtpd_authorized_xclient_hosts, if any is

HEADERS = {
    "v1-loopback": lambda: v1("127.0.0.1"),
    "v1-network": lambda: v1(NETWORK_CLIENT),
    "v1-xclient": lambda: v1(XCLIENT_CLIENT),
    "v1-fresh": lambda: v1(fresh()),
    "v1-proxy": lambda: v1("10.90.0.3"),
    "v1-ipv6": lambda: v1("2001:db8::7", "fd90::1", "TCP6"),
    "v1-unknown": lambda: b"PROXY UNKNOWN\r\n",
    "v2-loopback": lambda: v2("127.0.0.1"),
    "v2-network": lambda: v2(NETWORK_CLIENT),
    "v2-xclient": lambda: v2(XCLIENT_CLIENT),
    "v2-fresh": lambda: v2(fresh()),
    "v2-ipv6-loopback": lambda: v2_ipv6("::1"),
    "v2-local": lambda: _v2_head(0x20, 0x00, b""),
    "v2-unspec": lambda: _v2_head(0x21, 0x00, b""),
    "none": lambda: b"",
}

_CONTENT = b"Subject: forged\r\n\r\nforged\r\n"
_DATA = b"DATA\r\n" + _CONTENT + b".\r\nQUIT\r\n"
_BDAT = b"BDAT %d LAST\r\n" % len(_CONTENT) + _CONTENT + b"QUIT\r\n"


class Session:
    """What is sent and what came back, as far as it was read."""

    def __init__(self, server, timeout=8, sender=SENDER):
        self.socket = socket.create_connection(server, timeout * PATIENCE)
        self.sender = sender
        self.said = b""

    def envelope(self):
        return (f"MAIL FROM:<{self.sender}>\r\n"
                f"RCPT TO:<{RECIPIENT}>\r\n").encode()

    def burst(self, content):
        """A whole session in one piece."""
        return b"EHLO evil.example\r\n" + self.envelope() + content

    def send(self, data):
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def reply(self):
        """One reply; b"" at the end."""
        reply = b""
        with contextlib.suppress(OSError):
            while True:
                line = self._line()
                reply += line
                if line[3:4] != b"-":
                    break
        return reply

    def _line(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.socket.recv(1)
            if not byte:
                break
            line += byte
            self.said += byte
        return line

    def read_all(self):
        with contextlib.suppress(OSError):
            while True:
                data = self.socket.recv(65536)
                if not data:
                    break
                self.said += data

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))

    def close(self):
        self.socket.close()


def _talk(session, header, recipient=RECIPIENT, start_tls=False):
    session.send(header)
    session.reply()
    commands = ["EHLO evil.example", f"MAIL FROM:<{session.sender}>",
                f"RCPT TO:<{recipient}>", "DATA"]
    if start_tls:
        commands[1:1] = ["STARTTLS"]
    for command in commands:
        session.send(command.encode() + b"\r\n")
        if not session.reply():
            return
        if command == "STARTTLS":
            with contextlib.suppress(OSError):
                session.socket = _tls(session.socket)
    session.send(_CONTENT + b".\r\n")
    session.reply()


def _tls(plain):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def _postmaster(session, header):
    _talk(session, header, "postmaster")


def _start_tls(session, header):
    _talk(session, header, start_tls=True)


def _fin(session, header):
    session.send(header + session.burst(_DATA))
    session.socket.shutdown(socket.SHUT_WR)
    session.read_all()


def _open(session, header):
    session.send(header + session.burst(_DATA))
    session.read_all()


def _reset_after(seconds, content):
    def way(session, header):
        session.reset()
        session.send(header + session.burst(content))
        time.sleep(seconds)
    return way


def _after_greeting(session, header):
    """Waits like an honest client, then pipelines what is legal to, and goes:
    no further call on the socket is needed to commit the message."""
    session.send(header)
    session.reply()
    session.send(b"EHLO evil.example\r\n")
    session.reply()
    session.reset()
    session.send(session.envelope() + _BDAT)


WAYS = {
    "dialog": _talk,
    "postmaster": _postmaster,
    "starttls": _start_tls,
    "burst-open": _open,
    "burst-fin": _fin,
    "burst-rst-0": _reset_after(0, _DATA),
    "burst-rst-1ms": _reset_after(0.001, _DATA),
    "burst-rst-5ms": _reset_after(0.005, _DATA),
    "bdat-rst": _reset_after(0, _BDAT),
    "bdat-rst-5ms": _reset_after(0.005, _BDAT),
    "bdat-after-greeting": _after_greeting,
}


def attack(network, server, header, way, host="attacker", sender=SENDER,
           headers=HEADERS):
    """What the attacker was told, in one session; b"" if he was not heard."""
    with network.inside(host):
        session = Session(server, sender=sender)
    try:
        WAYS[way](session, headers[header]())
        return session.said
    except OSError:
        return session.said
    finally:
        session.close()


def attack_wrapped(network, server, header):
    """The same on a port that begins with TLS."""
    with network.inside("attacker"):
        session = Session(server)
    try:
        session.send(HEADERS[header]())
        session.socket = _tls(session.socket)
        _talk(session, b"")
        return session.said
    except OSError:
        return session.said
    finally:
        session.close()
