"""Stand-ins for smtpd, processes of their own with one TCP client; the true
peer is whoever the test chose."""
import os
import socket
import struct
import subprocess
import sys

PROGRAM = """
import socket, sys
address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
listener = socket.create_server((address, port))
print("listens", flush=True)
client = listener.accept()[0]
policy = socket.socket(socket.AF_UNIX)
policy.connect(path)
for line in sys.stdin:
    policy.sendall(line.strip().replace(" ", "\\n").encode() + b"\\n\\n")
    print(policy.recv(4096).decode().strip(), flush=True)
"""


SO_PEERPIDFD = 77


def has_peer_pidfd():
    """Does the kernel say who is there without telling his pid?"""
    one, other = socket.socketpair()
    with one, other:
        try:
            number = one.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
        except OSError:
            return False
        os.close(number)
        return True


class FakeSmtpd:
    """Asks over the policy protocol."""

    def __init__(self, policy_socket, port, peer, address="127.0.0.1"):
        self._child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, address, str(port),
             str(policy_socket)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout.readline() == "listens\n"
        self._client = socket.create_connection(
            (address, port), 5, source_address=(peer, 0))

    def ask(self, client="198.51.100.7", state="RCPT", **attributes):
        """The action."""
        more = "".join(f" {name}={value}"
                       for name, value in attributes.items())
        self._child.stdin.write(
            f"request=smtpd_access_policy protocol_state={state} "
            f"client_address={client}{more}\n")
        self._child.stdin.flush()
        return self._child.stdout.readline().strip().removeprefix("action=")

    def close(self):
        self._client.close()
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.kill()
        self._child.wait()


CONNECTOR = """
import socket, struct, sys
control = socket.socket(fileno=int(sys.argv[1]))
kind, address = sys.argv[2], sys.argv[3]
kept = []
if kind != "local":
    listener = socket.create_server((address, int(sys.argv[4])))
    control.send(b"listens")
    kept = [listener, listener.accept()[0]]
if kind == "reset":
    kept[1].recv(1)
if kind == "handed-on":
    listener.close()
control.send(b"ready")
while path := control.recv(4096).decode():
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    socket.send_fds(control, [b"x"], [peer.fileno()])
    peer.close()
"""


class Smtpd:
    """A process that has a client and connects wherever it is told to; its
    connections are the test's to talk over. kind: "client"; "handed-on", as
    postscreen does; "reset", a client that has left by a RST; "local", a
    process that serves nobody."""

    def __init__(self, peer=None, port=0, kind="client", address="127.0.0.1"):
        self._control, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(10)
        self._child = subprocess.Popen(
            [sys.executable, "-c", CONNECTOR, str(theirs.fileno()), kind,
             address, str(port)], pass_fds=[theirs.fileno()])
        theirs.close()
        self._client = None
        if kind != "local":
            assert self._control.recv(100) == b"listens"
            self._client = socket.create_connection(
                (address, port), 5, source_address=(peer, 0))
        if kind == "reset":
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
            self._client.sendall(b"x")
            self._client.close()
        assert self._control.recv(100) == b"ready"

    def connect(self, path):
        self._control.send(str(path).encode())
        _, (number,), *_ = socket.recv_fds(self._control, 1, 1)
        peer = socket.socket(fileno=number)
        peer.settimeout(10)
        return peer

    def close(self):
        self._control.close()
        if self._client is not None:
            self._client.close()
        self._child.kill()
        self._child.wait()
