"""client.py ADDRESS PORT LINE...: an SMTP session; prints the code of the
greeting and of each reply, and ends where the server does: prints nothing where
there is none. A line that begins with PROXY goes before the greeting."""
import socket
import sys


def code(file):
    while True:
        line = file.readline()
        if line[3:4] != b"-":
            return line[:3].decode()


def main(address, port, *lines):
    with socket.create_connection((address, int(port)), 60) as stream:
        if lines and lines[0].startswith("PROXY"):
            stream.sendall(lines[0].encode() + b"\r\n")
            lines = lines[1:]
        with stream.makefile("rb") as file:
            print(told := code(file))
            for line in lines:
                if told in ("", "421"):
                    return
                stream.sendall(line.encode() + b"\r\n")
                print(told := code(file))


try:
    main(*sys.argv[1:])
except (ConnectionRefusedError, ConnectionResetError):
    pass
