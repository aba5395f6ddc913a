"""A client of the policy and anvil protocols: attributes, one request at a
time."""
import itertools

from .separated import Separated

_instances = itertools.count(1)


class Attributes(Separated):
    separator = b"\n\n"

    def read_reply(self):
        """The attributes of one reply; None if the connection has ended."""
        reply = self.read_one()
        if reply is None:
            return None
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


class Policy(Attributes):
    def rcpt(self, client, instance=None, sender="sender@client.example",
             **attributes):
        """The action for a recipient; each is a message of its own unless
        an instance is given. None if the connection has ended."""
        reply = self.ask(
            request="smtpd_access_policy", protocol_state="RCPT",
            protocol_name="ESMTP", client_address=client, client_name="unknown",
            instance=instance or f"{next(_instances):x}.1.2.0",
            sender=sender,
            **{"recipient": "user@test.example", **attributes})
        return reply and reply["action"]


class Anvil(Attributes):
    def __init__(self, server, timeout=10):
        super().__init__(server, timeout)
        assert self.read_reply() == {"protocol": "anvil_protocol"}

    def event(self, request, client, service="smtp"):
        """The numbers of the reply."""
        reply = self.ask(request=request, ident=f"{service}:{client}")
        return reply and {name: int(value) for name, value in reply.items()}
