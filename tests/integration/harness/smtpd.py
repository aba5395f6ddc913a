"""A stand-in for smtpd, a process of its own with one TCP client, that asks
over the policy protocol; the true peer is whoever the test chose."""
import socket
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


class FakeSmtpd:
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
