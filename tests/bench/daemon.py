"""policyd by itself: how soon it serves, what it needs while idle, and
whether many clients on many connections are served evenly."""
import contextlib
import socket
import time

from harness.policyd import POLICYD, answers
from harness.process import Process

from . import figures, machine, policy, script

STARTS = 20
CROWD = 1000      # connections
TRACKED = 100000  # clients


def decide(path):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(10)
        asking.connect(str(path))
        asking.sendall(script.REQUEST)
        if asking.recv(1000) != b"action=DUNNO\n\n":
            raise machine.BenchError("no DUNNO")


def start_once(config, path, log):
    """Milliseconds from its birth to its first decision."""
    began = time.monotonic()
    process = Process([POLICYD, "-c", config], log)
    try:
        while not answers(path):
            if not process.is_running() or time.monotonic() - began > 10:
                raise machine.BenchError(process.text())
            time.sleep(0.0005)
        decide(path)
        took = time.monotonic() - began
        process.terminate(10)
    finally:
        process.close()
    return 1000 * took


def measure_start(folder, _size):
    with contextlib.ExitStack() as stack:
        policyd, path = policy.start_on_memory(stack, folder)
        config = policyd.argv[-1]
    times = [start_once(config, path, folder / "log") for _ in range(STARTS)]
    return [figures.of_pairs(
        "start", "policyd from its start to its first decision", times,
        unit="ms", asked=50, at_least=False)]


def measure_idle(folder, _size):
    with contextlib.ExitStack() as stack:
        (folder / "memory").mkdir()
        (folder / "memory").chmod(0o755)
        on_memory, _ = policy.start_on_memory(stack, folder / "memory")
        server = script.start_redis(stack, folder)
        on_redis, _ = script.start_policyd(stack, folder, server)
        memory = on_memory.resident_kib() / 1024
        redis = on_redis.process.resident_kib() / 1024
    return [figures.Figure(
        "idle", "resident memory of an idle policyd", max(memory, redis),
        unit="MiB", asked=8, at_least=False,
        beside={"on memory:, MiB": memory, "on Redis, MiB": redis})]


def measure_crowd(folder, size):
    """The clients are all there before it is measured."""
    crowd = "--connections", CROWD, "--clients", TRACKED
    with contextlib.ExitStack() as stack:
        policyd, path = policy.start_on_memory(stack, folder)
        policy.ask(path, policyd, 5 * TRACKED, *crowd)
        runs = [policy.ask(path, policyd, size.requests, *crowd)
                for _ in range(size.pairs)]
    p50, p99 = policy.column(runs, "p50_us"), policy.column(runs, "p99_us")
    return [figures.of_pairs(
        "crowd", f"p99 / p50, {TRACKED} tracked clients, {CROWD} connections",
        figures.ratios(p99, p50), asked=3, at_least=False,
        beside={"p50, us": figures.median(p50), "p99, us": figures.median(p99),
                "requests/s": figures.median(
                    policy.column(runs, "requests_per_second"))})]
