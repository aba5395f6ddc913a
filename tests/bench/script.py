"""The script in Redis by itself, driven by redis-benchmark.

The command is not written down here: it is overheard (MONITOR) from a policyd
that decides one request, so that it is the one that policyd really sends.
"""
import contextlib
import shlex
import socket

from harness.redis_server import RedisServer

from . import figures, machine

SEEN_CLIENT = "198.51.100.77"
CLIENTS = 10000
NEVER = 100000  # a limit that refuses nobody

REQUEST = (f"request=smtpd_access_policy\nprotocol_state=RCPT\n"
           f"client_address={SEEN_CLIENT}\nsender=a@client.test\n"
           f"recipient=b@mail.test\nrecipient_count=0\ninstance=1.2.3.0\n"
           f"policy_context=smtp\n\n").encode()

# What any script must do that decides on Redis's clock and keeps a value.
FLOOR = ("redis.call('TIME') redis.call('GET', KEYS[1]) "
         "redis.call('PSETEX', KEYS[1], ARGV[5], '123456123456123456') "
         "return 1")


def start_redis(stack, folder):
    """A private Redis on the server's CPU."""
    server = RedisServer(folder / "redis")
    stack.callback(server.close)
    machine.pin(server.process, machine.SERVER_CPU)
    return server


def encode(words):
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class Client:
    """Just enough of Redis's protocol: a command, and a simple reply."""

    def __init__(self, server):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(server.socket))
        self.lines = self._socket.makefile("rb")

    def send(self, data):
        self._socket.sendall(data)

    def line(self):
        return self.lines.readline().decode().rstrip("\r\n")

    def command(self, *words):
        self.send(encode(words))
        reply = self.line()
        if reply.startswith("-"):
            raise machine.BenchError(f"redis: {reply}")
        if reply.startswith("$"):
            return self.lines.read(int(reply[1:]) + 2)[:-2].decode()
        return reply[1:]

    def info(self, section):
        return dict(line.split(":", 1) for line in
                    self.command("INFO", section).splitlines() if ":" in line)

    def calls(self, command):
        """How often it has been called."""
        text = self.info("commandstats").get(f"cmdstat_{command}", "calls=0,")
        return int(text.split("=")[1].split(",")[0])


def start_policyd(stack, folder, server, **options):
    """Its policy face, on that Redis; one limit that every request charges."""
    path = folder / "policyd/policy"
    policyd = machine.start_policyd(
        stack, path.parent, f"policy:unix:{path}", store=server.unix_url,
        client_limits_at="policy",
        **{"client_recipient_rate_limit": NEVER, **options})
    return policyd, path


def overhear(server, path):
    """The command that one request of SEEN_CLIENT becomes, as words."""
    monitor = Client(server)
    monitor.command("MONITOR")
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(path))
        asking.sendall(REQUEST)
        asking.recv(1000)
    while True:
        line = monitor.line()
        if SEEN_CLIENT in line and " lua]" not in line:
            return shlex.split(line.split("] ", 1)[1])


def per_second(server, command, requests):
    """What redis-benchmark gets from a command of SEEN_CLIENT."""
    words = [word.replace(SEEN_CLIENT, "10.__rand_int__") for word in command]
    output = machine.run_load(
        "redis-benchmark", "-s", server.socket, "-c", 1, "-P", 50,
        "-r", CLIENTS, "-n", requests, "--csv", *words)
    return float(output.strip().splitlines()[-1].split('","')[1])


def measure_floor(folder, size):
    with contextlib.ExitStack() as stack:
        server = start_redis(stack, folder)
        policyd, path = start_policyd(stack, folder, server)
        script = overhear(server, path)
        policyd.close()
        sha = Client(server).command("SCRIPT", "LOAD", FLOOR)
        floor = [script[0], sha, *script[2:]]
        scripts, floors = figures.take_turns(
            size.pairs, lambda: per_second(server, script, size.requests),
            lambda: per_second(server, floor, size.requests))
    return [figures.of_pairs(
        "script", "script / (TIME + GET + PSETEX), 1 limit",
        figures.ratios(scripts, floors), asked=0.7,
        beside={"scripts/s": figures.median(scripts),
                "floors/s": figures.median(floors),
                "command": " ".join(script)})]
