"""A master, its replicas and the Sentinels that watch them."""
import os
import pathlib
import subprocess

from .ports import free_port
from .process import Process
from .redis_server import RedisServer, server_program
from .wait import wait_until

NAME = "mail"
CONFIG = """
port {port}
bind 127.0.0.1
dir {directory}
sentinel monitor {name} 127.0.0.1 {master} {quorum}
sentinel down-after-milliseconds {name} 400
sentinel failover-timeout {name} 3000
"""


def clock_environment(directory, seconds):
    """For a Redis whose clock is off by so many seconds."""
    library = directory / "clock_offset.so"
    if not library.exists():
        source = pathlib.Path(__file__).with_name("clock_offset.c")
        subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-O2",
                        "-o", library, source], check=True, timeout=60)
    return {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(seconds)}


class Sentinel:
    """port: the master's, if it is not its usual one."""

    def __init__(self, directory, master, quorum, *lines, port=None):
        directory.mkdir()
        directory.chmod(0o755)
        self.port = free_port()
        config = directory / "sentinel.conf"
        config.write_text("\n".join([CONFIG.format(
            port=self.port, directory=directory, name=NAME,
            master=port or master.port,
            quorum=quorum), *lines]) + "\n")
        self.process = Process(
            [server_program(), config, "--sentinel"], directory / "sentinel.log")

    def cli(self, *arguments):
        return subprocess.run(
            ["redis-cli", "-p", str(self.port), *map(str, arguments)],
            capture_output=True, text=True, timeout=10, check=False).stdout

    def master_port(self):
        lines = self.cli("sentinel", "get-master-addr-by-name", NAME).split()
        return int(lines[1]) if len(lines) == 2 else 0

    def knows(self, replicas, others):
        text = self.cli("info", "sentinel")
        return f"slaves={replicas},sentinels={others + 1}" in text \
            and "status=ok" in text

    def close(self):
        self.process.close()


class Watched:
    """servers[0] is the master at first. keep: as the fixture. replica_clock:
    how far the replicas' clocks are off, in seconds."""

    def __init__(self, directory, keep, *, replicas=1, sentinels=3,
                 options=(), sentinel_lines=(), replica_clock=0):
        directory.mkdir()
        directory.chmod(0o755)
        # Or a replica would wait five seconds for company.
        options = ["--repl-diskless-sync-delay", 0, *options]
        self.servers = [keep(RedisServer(directory / "0", *options))]
        env = clock_environment(directory, replica_clock) \
            if replica_clock else None
        for number in range(1, replicas + 1):
            self.servers.append(keep(RedisServer(
                directory / str(number), "--replicaof",
                f"127.0.0.1 {self.servers[0].port}", *options, env=env)))
        for replica in self.servers[1:]:
            wait_until(lambda server=replica: "master_link_status:up"
                       in server.cli("info", "replication"), 15,
                       "the replica follows")
        self.sentinels = [keep(Sentinel(
            directory / f"s{number}", self.servers[0], sentinels // 2 + 1,
            *sentinel_lines)) for number in range(sentinels)]
        for sentinel in self.sentinels:
            wait_until(lambda one=sentinel: one.knows(replicas, sentinels - 1),
                       20, lambda one=sentinel: "Sentinels know each other:\n"
                       + one.process.text())

    def url(self, *more):
        """more: hosts before the Sentinels' own."""
        hosts = [*more, *(f"127.0.0.1:{one.port}" for one in self.sentinels)]
        return f"redis+sentinel://{','.join(hosts)}/{NAME}"

    def master(self):
        """As the Sentinels have it now."""
        port = self.sentinels[0].master_port()
        return next(one for one in self.servers if one.port == port)

    def wait_master(self, not_this, timeout=20):
        def is_new():
            return all(one.master_port() not in (0, not_this.port)
                       for one in self.sentinels)
        wait_until(is_new, timeout, lambda: "a failover:\n"
                   + self.sentinels[0].process.text())
        return self.master()
