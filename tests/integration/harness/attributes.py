"""A client of the policy and anvil protocols: attributes, one request at a
time."""
import itertools
import socket

_instances = itertools.count(1)


class Attributes:
    """A connection to a unix socket path or an (address, port)."""

    def __init__(self, server, timeout=10):
        if isinstance(server, tuple):
            self.socket = socket.create_connection(server, timeout)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(server))
        self._pending = b""

    def read_reply(self):
        """The attributes of one reply; None if the connection has ended."""
        while b"\n\n" not in self._pending:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._pending += data
        reply, self._pending = self._pending.split(b"\n\n", 1)
        return dict(line.split("=", 1) for line in reply.decode().split("\n"))

    def ask(self, **attributes):
        """The reply's attributes; None if the connection has ended."""
        text = "".join(f"{name}={value}\n"
                       for name, value in attributes.items())
        try:
            self.socket.sendall(text.encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return None
        return self.read_reply()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Policy(Attributes):
    def rcpt(self, client, instance=None, sender="sender@client.example",
             **attributes):
        """The action for a recipient; each is a message of its own unless
        an instance is given. None if the connection has ended."""
        reply = self.ask(
            request="smtpd_access_policy", protocol_state="RCPT",
            protocol_name="ESMTP", client_address=client, client_name="unknown",
            instance=instance or f"{next(_instances):x}.1.2.0",
            sender=sender, recipient="user@test.example",
            **attributes)
        return reply and reply["action"]


class Anvil(Attributes):
    def __init__(self, server, timeout=10):
        super().__init__(server, timeout)
        assert self.read_reply() == {"protocol": "anvil_protocol"}

    def event(self, request, client, service="smtp"):
        """The numbers of the reply."""
        reply = self.ask(request=request, ident=f"{service}:{client}")
        return reply and {name: int(value) for name, value in reply.items()}
