"""docker and compose, and clients in networks of containers."""
import json
import os
import pathlib
import subprocess
import sys

from harness.wait import wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
CLIENT = pathlib.Path(__file__).parent / "client.py"
NAME = "mail.example.com"
CLIENTS = 6  # each below conf/profiles/small.conf


def docker(*words, check=True, timeout=300):
    done = subprocess.run(["docker", *map(str, words)], check=False,
                          capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, "MAIL_NAME": NAME})
    assert done.returncode == 0 or not check, \
        f"docker {words}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def inspect(container):
    return json.loads(docker("inspect", container))[0]


class Project:
    """The compose file of a folder of docker/compose, up and healthy."""

    def __init__(self, folder):
        self._file = TOP / "docker" / "compose" / folder / "compose.yaml"
        self.name = f"tollgate-{folder}"
        self.compose("up", "-d", "--no-build", "--quiet-pull")
        self.containers = self.compose("ps", "-a", "--format",
                                       "{{.Service}}").split()
        self.clients = [docker(
            "run", "-d", "--rm", "--init", "--network", f"{self.name}_default",
            "debian:trixie-slim", "sleep", "infinity") for _ in range(CLIENTS)]

    def compose(self, *words):
        return docker("compose", "-f", self._file, *words)

    def container(self, service):
        return f"{self.name}-{service}-1"

    def state(self, service):
        return inspect(self.container(service))["State"]

    def wait_healthy(self, service, seconds=60):
        return wait_until(
            lambda: self.state(service)["Health"]["Status"] == "healthy",
            seconds, lambda: f"{service}: {self.state(service)}")

    def serves(self, service):
        """Whatever the engine's own interval of health checks is."""
        return subprocess.run(
            ["docker", "exec", self.container(service), "tollgatectl",
             "health"], capture_output=True, check=False,
            timeout=60).returncode == 0

    def address(self, service):
        return inspect(self.container(service))["NetworkSettings"][
            "Networks"][f"{self.name}_default"]["IPAddress"]

    def ctl(self, service, *words):
        return docker("exec", self.container(service), "tollgatectl", *words)

    def log(self, service):
        done = subprocess.run(["docker", "logs", self.container(service)],
                              capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def say(self, server, port, *lines, client=0):
        """The codes that a client among the containers is told."""
        pid = inspect(self.clients[client])["State"]["Pid"]
        return talk(["nsenter", "-t", str(pid), "--net"],
                    self.address(server), port, lines)

    def close(self):
        docker("rm", "-f", *self.clients, check=False)
        self.compose("down", "-v", "-t", "10")


def talk(before, address, port, lines):
    done = subprocess.run(
        [*before, sys.executable, CLIENT, address, str(port), *lines],
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def message(to=f"postmaster@{NAME}"):
    return ("EHLO client.example", "MAIL FROM:<a@client.example>",
            f"RCPT TO:<{to}>", "DATA", "Subject: it\r\n\r\nit\r\n.", "QUIT")
