"""A private Redis without persistence, on a unix socket and a TCP port."""
import os
import re
import shutil
import socket
import subprocess

from .ports import free_port
from .process import Process
from .wait import wait_until


def server_program():
    return os.environ.get("REDIS_SERVER") or shutil.which("redis-server")


def server_version():
    """("Redis" or "Valkey", [major, minor]); ("", []): there is none."""
    if server_program() is None:
        return "", []
    said = subprocess.run([server_program(), "--version"], check=True,
                          text=True, capture_output=True).stdout
    kind, version = re.match(r"(\w+) .*?v=(\d+\.\d+)", said).groups()
    return kind, [int(part) for part in version.split(".")]


class RedisServer:
    def __init__(self, directory, *options, address="127.0.0.1", before=(),
                 env=None):
        """before: a command that ends in executing the rest."""
        directory.mkdir()
        directory.chmod(0o755)
        self.socket = directory / "redis.sock"
        self.address = address
        self.port = free_port()
        self.process = Process(
            [*before,
             server_program(),
             "--bind", address, "--port", self.port,
             "--unixsocket", self.socket, "--unixsocketperm", "777",
             "--dir", directory, "--save", "", "--appendonly", "no",
             "--daemonize", "no", *options],
            directory / "redis.log", env)
        try:
            self.wait_ready()
        except BaseException:
            self.close()  # the caller cannot, he was not given it
            raise

    @property
    def url(self):
        return f"redis://{self.address}:{self.port}"

    @property
    def unix_url(self):
        return f"redis+unix://{self.socket}"

    def _answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(1)
                peer.connect(str(self.socket))
                peer.sendall(b"PING\r\n")
                return peer.recv(1) != b""
        except OSError:
            return False

    def wait_ready(self):
        wait_until(self._answers, 10,
                   lambda: f"redis answers:\n{self.process.text()}")

    def start(self):
        """Again, empty, after process.kill()."""
        self.process.start()
        self.wait_ready()

    def cli(self, *arguments):
        return subprocess.run(
            ["redis-cli", "-s", str(self.socket), *map(str, arguments)],
            check=True, capture_output=True, text=True, timeout=10).stdout

    def close(self):
        self.process.close()
