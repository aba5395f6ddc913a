"""A name server whose records and faults the test chooses."""
import select
import socket
import struct
import threading

A, CNAME, AAAA = 1, 5, 28
_SERVFAIL, _NXDOMAIN = 2, 3


def _labels(name):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in name.split(".")) + b"\0"


class ZoneServer:
    """records: {name: {kind: [data]}}; "*.domain" for any name below it that
    is not there. faults: {(name, kind): "drop" or "servfail"}. Answers of over
    512 bytes are cut for those who do not announce more, and whole over TCP.
    exact: knows a name only as it is spelled in records."""

    def __init__(self, address, records=None, exact=False):
        self.records, self.exact = dict(records or {}), exact
        self.faults, self.questions = {}, []
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, 53))
        self._tcp = socket.create_server((address, 53))
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def asked(self, name, kind=A):
        """How often."""
        return self.questions.count((name, kind))

    def _run(self):
        while True:
            ready = select.select([self._udp, self._tcp, self._ended], [], [])
            if self._ended in ready[0]:
                return
            if self._udp in ready[0]:
                question, client = self._udp.recvfrom(4096)
                reply = self._reply(question, self._room(question))
                if reply is not None:
                    self._udp.sendto(reply, client)
            if self._tcp in ready[0]:
                self._serve(self._tcp.accept()[0])

    def _serve(self, peer):
        """One question; whoever has more connects again."""
        with peer:
            peer.settimeout(2)
            size = struct.unpack("!H", peer.recv(2, socket.MSG_WAITALL))[0]
            reply = self._reply(peer.recv(size, socket.MSG_WAITALL), 65535)
            if reply is not None:
                peer.sendall(struct.pack("!H", len(reply)) + reply)

    @staticmethod
    def _room(question):
        if not struct.unpack("!H", question[10:12])[0]:
            return 512
        end = question.index(b"\0", 12) + 5
        return struct.unpack("!H", question[end + 3:end + 5])[0]

    def _find(self, name):
        """The records of a name; None: there is no such name."""
        for known, records in list(self.records.items()):
            if known == name or (not self.exact
                                 and known.lower() == name.lower()):
                return records
        domain = name.lower().partition(".")[2]
        while domain:
            if f"*.{domain}" in self.records:
                return self.records[f"*.{domain}"]
            domain = domain.partition(".")[2]
        return None

    def _answers(self, name, kind):
        records = self._find(name)
        if records is None:
            return None
        answers = [(name, kind, data) for data in records.get(kind, ())]
        for target in records.get(CNAME, ()) if not answers else ():
            answers += [(name, CNAME, target),
                        *(self._answers(target, kind) or [])]
        return answers

    @staticmethod
    def _encode(name, kind, data):
        if kind == CNAME:
            data = _labels(data)
        else:
            family = socket.AF_INET if kind == A else socket.AF_INET6
            data = socket.inet_pton(family, data)
        return _labels(name) + struct.pack("!HHIH", kind, 1, 1,
                                           len(data)) + data

    def _reply(self, question, room):
        end = question.index(b"\0", 12) + 5
        kind = struct.unpack("!H", question[end - 4:end - 2])[0]
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        name = ".".join(labels)
        self.questions.append((name, kind))
        fault = self.faults.get((name.lower(), kind))
        if fault == "drop":
            return None
        answers = self._answers(name, kind)
        code = _SERVFAIL if fault else _NXDOMAIN if answers is None else 0
        encoded = [self._encode(*it) for it in answers or ()] if not code \
            else []
        while end + sum(map(len, encoded)) > room:
            encoded.pop()
        is_cut = len(encoded) < len(answers or ()) and not code
        return (question[:2] + struct.pack(
            "!HHHHH", 0x8580 | is_cut << 9 | code, 1, len(encoded), 0, 0)
            + question[12:end] + b"".join(encoded))

    def close(self):
        self._end.close()
        self._thread.join()
        for it in (self._udp, self._tcp, self._ended):
            it.close()
