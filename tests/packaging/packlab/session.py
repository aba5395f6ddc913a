"""One SMTP session on the loopback of a booted Debian."""
import subprocess

SESSION = """
import socket, sys
port, claimed = int(sys.argv[1]), sys.argv[2]
s = socket.create_connection(("127.0.0.1", port), 20)
if claimed:
    s.sendall(f"PROXY TCP4 {claimed} 127.0.0.1 4711 25\\r\\n".encode())
print(s.recv(200).decode()[:3])
"""


def greet(machine, port, claimed=""):
    """The code of the greeting; claimed: the client of a PROXY header."""
    return subprocess.run(
        machine.in_network("/usr/bin/python3", "-c", SESSION, str(port),
                           claimed),
        capture_output=True, text=True, timeout=60, check=True).stdout.strip()
