"""Postfix's side of the milter protocol: one session, or thousands at once.

For what a real Postfix cannot be made to do on demand: bursts, steps that are
missing, exact times. Packets are a length, a command and its data.
"""
import selectors
import socket
import struct
import time

ACTIONS, STEPS = 0x1ff, 0x1fffff  # all that Postfix offers
NO_DATA, NO_HEADERS, NO_BODY, NO_HELO = 0x200, 0x20, 0x10, 0x2
NR_CONNECT, NR_MAIL = 0x1000, 0x4000


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def texts(*words):
    return b"".join(word.encode() + b"\0" for word in words)


def macros(step, **values):
    """{"daemon_name": ..}; names of one letter go without braces."""
    words = []
    for name, value in values.items():
        words += [name if len(name) == 1 else "{%s}" % name, value]
    return packet(b"D", step + texts(*words))


NEGOTIATE = packet(b"O", struct.pack("!III", 6, ACTIONS, STEPS))


def _wire_address(client):
    return f"IPv6:{client}" if ":" in client else client


def connect_packet(client):
    family = b"6" if ":" in client else b"4"
    return packet(b"C", texts("unknown") + family + struct.pack("!H", 4321)
                  + texts(_wire_address(client)))


def connect_packets(client, service="smtp"):
    return macros(b"C", daemon_name=service,
                  client_addr=_wire_address(client)) + connect_packet(client)


def open_socket(server, timeout=10):
    if isinstance(server, tuple):
        return socket.create_connection(server, timeout)
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(server))  # may wait for a place in the backlog
    peer.settimeout(timeout)
    return peer


class MilterClient:
    """Negotiated, on a connection of its own or on one that is given. Answers
    are text: "c" continue, "y450 4.7.1 text"."""

    def __init__(self, server, timeout=10):
        self.socket = server if isinstance(server, socket.socket) \
            else open_socket(server, timeout)
        self._pending = b""
        self.socket.sendall(NEGOTIATE)
        reply = self._read()
        assert reply[:1] == b"O", reply
        _, self.actions, self.steps = struct.unpack("!III", reply[1:13])
        self.symbols = reply[13:]

    def _read(self):
        while True:
            if len(self._pending) >= 4:
                size, = struct.unpack("!I", self._pending[:4])
                if len(self._pending) >= 4 + size:
                    reply = self._pending[4:4 + size]
                    self._pending = self._pending[4 + size:]
                    return reply
            data = self.socket.recv(65536)
            assert data, "the milter has hung up"
            self._pending += data

    def ask(self, *packets):
        """The answer to the last of them; a header to be added goes before
        it, as in "i..." (see header)."""
        self.socket.sendall(b"".join(packets))
        self.header = None
        while True:
            reply = self._read()
            if reply[:1] in b"ih":
                self.header = reply[5:].rstrip(b"\0").decode().split("\0")
                continue
            return reply.rstrip(b"\0").decode()

    def connect(self, client, service="smtp"):
        return self.ask(connect_packets(client, service))

    def mail(self, sender="sender@client.example", **values):
        values = {"daemon_name": "smtp", **values}
        packets = [macros(b"M", **values), packet(b"M", texts(f"<{sender}>"))]
        if not self.steps & NR_MAIL:
            return self.ask(*packets)
        self.socket.sendall(b"".join(packets))
        return "c"

    def rcpt(self, recipient="user@test.example", mailer="local", **values):
        return self.ask(macros(b"R", rcpt_mailer=mailer, **values),
                        packet(b"R", texts(f"<{recipient}>")))

    def open_message(self, recipient="user@test.example", **values):
        """MAIL, which tollgate-milter leaves without an answer, and the first
        recipient: the answer to that."""
        self.mail(**values)
        return self.rcpt(recipient)

    def end(self, *content, queue_id="4cXyz"):
        return self.ask(*content, macros(b"E", i=queue_id), packet(b"E"))

    def send(self):
        """A message that comes to its end: "c", or what refused it."""
        for step in (self.mail, self.rcpt, self.end):
            answer = step()
            if answer != "c":
                break
        return answer

    def abort(self):
        self.socket.sendall(packet(b"A"))

    def quit(self):
        self.socket.sendall(packet(b"Q"))
        self.close()

    def close(self):
        self.socket.close()


class Crowd:
    """Many sessions, each with a client of its own, opened all at once."""

    def __init__(self, server):
        self.server = server
        self.sockets = []

    def open(self, clients, timeout=30):
        """Opens a session for each: seconds from the beginning of all until
        each CONNECT was answered, and the answers."""
        waiting = selectors.DefaultSelector()
        began = time.monotonic()
        for client in clients:
            peer = open_socket(self.server, timeout)
            peer.sendall(NEGOTIATE)
            self.sockets.append(peer)
            waiting.register(peer, selectors.EVENT_READ, [client, b""])
        times, answers = [], []
        while waiting.get_map():
            ready = waiting.select(timeout)
            assert ready, f"{len(waiting.get_map())} sessions get no answer"
            for key, _ in ready:
                self._go_on(waiting, key, began, times, answers)
        waiting.close()
        return times, answers

    @staticmethod
    def _go_on(waiting, key, began, times, answers):
        client, pending = key.data
        data = key.fileobj.recv(4096)
        assert data, "the milter has hung up"
        pending += data
        size, = struct.unpack("!I", pending[:4])
        if len(pending) < 4 + size:
            key.data[1] = pending
            return
        key.data[1] = b""
        if pending[4:5] == b"O":
            key.fileobj.sendall(connect_packets(client))
            return
        times.append(time.monotonic() - began)
        answers.append(pending[4:].rstrip(b"\0").decode())
        waiting.unregister(key.fileobj)

    def close(self):
        for peer in self.sockets:
            peer.close()
        self.sockets = []


def addresses(count):
    return [f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}"
            for n in range(count)]
