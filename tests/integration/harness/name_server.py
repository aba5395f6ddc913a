"""A name server that the test tells what to say."""
import socket
import struct
import threading


class NameServer:
    """Answers every question for an IPv4 address with its address, and has
    none of another kind."""

    def __init__(self, address, answer):
        self.answer = answer
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._socket.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ended.is_set():
            try:
                question, client = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            self.asked += 1
            self._socket.sendto(self._reply(question), client)

    def _reply(self, question):
        end = question.index(b"\0", 12) + 5
        kind, = struct.unpack("!H", question[end - 4:end - 2])
        answers = [] if kind != 1 or self.answer is None else [self.answer]
        return (question[:2] + struct.pack(
            "!HHHHH", 0x8180, 1, len(answers), 0, 0) + question[12:end]
            + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4)
                       + socket.inet_aton(answer) for answer in answers))

    def close(self):
        self._ended.set()
        self._thread.join()
        self._socket.close()
