"""A Postfix behind a gate of policyd: no smtpd of it takes a PROXY header, and
policyd has no capability."""
import re
import socket
import struct

from .policyd import Policyd
from .ports import free_port
from .postfix import Postfix
from .smtp import Smtp
from .wait import PATIENCE, PATIENT, wait_until

PROXY, STRANGER = "127.0.60.1", "127.0.66.1"
NAME = "smtpd-gate"


class GateSite:
    """master.cf has the line that the man page gives; policy and anvil are
    asked as behind any proxied listener. service: options of its section;
    limit: of its smtpds; others: {name: options} of more gates, whose sections
    are called as their pass services, which only those in there have.
    before: of the gate's port, a command that executes policyd."""

    def __init__(self, place, keep, *, service=None, policyd=None,
                 options=None, limit="-", others=None, there=(),
                 before=lambda port: ()):
        place.chmod(0o755)
        self.keep = keep
        asked = (f"check_policy_service {{ unix:{place}/policy, "
                 f"policy_context={NAME} }}")
        self.postfix = keep(Postfix(
            place / "postfix", port=free_port(),
            lines=[f"{name} pass n - n - {limit} smtpd"
                   for name in (NAME, *there)],
            main={"smtpd_recipient_restrictions": asked,
                  "smtpd_end_of_data_restrictions": asked,
                  "master_service_disable": "anvil/unix"}))
        self.postfix.start()
        gates = {NAME: service or {}, **(others or {})}
        self.ports = {name: free_port() for name in gates}
        self.port = self.ports[NAME]
        self.policyd = keep(Policyd(
            place / "policyd",
            [f"policy:unix:{place}/policy",
             f"anvil:unix:{self.postfix.anvil_socket}",
             *(f"gate:inet:127.0.0.1:{port}" for port in self.ports.values())],
            policyd=policyd, options={**PATIENT, **(options or {})},
            before=before(self.port),
            sections=[self._section(name, more)
                      for name, more in gates.items()]))

    def _section(self, name, more):
        return ("service", "12525" if name == NAME else f"section-{name}", {
            "port": self.ports[name], "proxied": True,
            "trusted_proxies": [PROXY],
            "pass_to": self.postfix.queue / "public" / name,
            "pass_timeout": f"{int(5 * PATIENCE)}s", **more})

    @property
    def server(self):
        return "127.0.0.1", self.port

    def connect(self, source=PROXY, gate=NAME):
        return socket.create_connection(
            ("127.0.0.1", self.ports[gate]), 15 * PATIENCE,
            source_address=(source, 0))

    def ends(self, end):
        """How many connections have ended so."""
        found = re.search(
            rf'^tollgate_gate_connections_total{{end="{end}"}} (\d+)',
            self.policyd.get("/metrics")[1], re.MULTILINE)
        return int(found[1])

    def wait_ends(self, end, count):
        wait_until(lambda: self.ends(end) == count, 20,
                   lambda: f"{count} {end}:\n"
                           f"{self.policyd.get('/metrics')[1]}\n"
                           f"{self.policyd.process.text()}")

    def _connects(self):
        """How many clients smtpds have logged."""
        return self.postfix.log.text().count(": connect from ")

    def mark(self):
        """For wakes: every smtpd that was woken so far has said so."""
        wait_until(lambda: self._connects() == self.ends("passed"), 20,
                   lambda: f"a line for each client:\n"
                           f"{self.postfix.log.text()}")
        return self._connects()

    def wakes(self, mark):
        """How many clients smtpds have got since then."""
        return self.mark() - mark


def v1(client="198.51.100.7", port=40000, server="192.0.2.25"):
    return f"PROXY TCP4 {client} {server} {port} 25\r\n".encode()


def v2(client="198.51.100.7", port=40000, server="192.0.2.25", tlvs=b""):
    body = (socket.inet_aton(client) + socket.inet_aton(server)
            + struct.pack("!HH", port, 25) + tlvs)
    return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(body))
            + body)


class GateSmtp(Smtp):
    """A session with a header before it, in one piece or several."""

    def __init__(self, site, header, source=PROXY, gate=NAME):
        self.start(site.connect(source, gate))
        self.send(header)
        self.greeting = self._reply()

    def start(self, connection):
        self._socket = connection
        self._file = self._socket.makefile("rb")
        self.text = ""

    def send(self, header):
        for piece in [header] if isinstance(header, bytes) else header:
            try:
                self._socket.sendall(piece)
            except OSError:
                return  # refused meanwhile


class SlowSmtp(GateSmtp):
    """The same, which does not wait for a greeting."""

    def __init__(self, site, header, source=PROXY, gate=NAME):
        self.start(site.connect(source, gate))
        self.send(header)

    def wait(self):
        self.greeting = self._reply()
        return self.greeting
