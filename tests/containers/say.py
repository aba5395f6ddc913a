"""SMTP clients inside of containers' networks, whatever the engine."""
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
CLIENT = pathlib.Path(__file__).parent / "client.py"
NAME = "mail.example.com"
TAKEN = ["220", "250", "250", "250", "354", "250", "221"]
FORGED = "PROXY TCP4 127.0.0.1 127.0.0.1 1 25"


def say(before, address, port, lines):
    """The codes that a client is told; the command before says where it is."""
    done = subprocess.run(
        [*before, sys.executable, CLIENT, address, str(port), *lines],
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def say_from(pid, address, port, lines):
    """From the network of that process."""
    return say(["nsenter", "-t", str(pid), "--net"], address, port, lines)


def message(to=f"postmaster@{NAME}"):
    return ("EHLO client.example", "MAIL FROM:<a@client.example>",
            f"RCPT TO:<{to}>", "DATA", "Subject: it\r\n\r\nit\r\n.", "QUIT")
