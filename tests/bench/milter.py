"""Whole mail through the milter, against Postfix alone and against a milter
that does nothing; and what a crowd of sessions costs."""
import contextlib
import resource

from harness.milter_client import Crowd, addresses
from harness.policyd import Milter, answers
from harness.ports import free_port
from harness.process import Process
from harness.redis_server import RedisServer
from harness.wait import wait_until

from . import figures, machine, mail, script

# Each callback has something to ask, and nobody is refused.
OPTIONS = {"client_limits_at": "milter", **{
    f"client_{name}_limit": 10000000 for name in (
        "connection_count", "connection_rate", "message_rate",
        "recipient_rate")}}
BURST = 2000
IDLE = 5000


def start_noop(stack, folder):
    """A fresh one: its threads are those of a cold start."""
    folder.mkdir()
    folder.chmod(0o755)
    path = folder / "socket"
    process = Process([machine.program("noop_milter"), f"unix:{path}"],
                      folder / "log")
    stack.callback(process.close)
    wait_until(lambda: answers(path), 10, "the no-op milter listens")
    return path


def start_ours(stack, folder, listen=None, **options):
    milter = Milter(folder, listen, options={
        "log_refusals": "gathered", **OPTIONS, **options})
    stack.callback(milter.close)
    return milter


def start_redis(stack, folder):
    server = RedisServer(folder / "redis")
    stack.callback(server.close)
    return server


def start_postfix(stack, folder, name, milters):
    return mail.start_postfix(stack, folder, name, mail.STOCK_ANVIL,
                              smtpd_milters=milters)


def measure(folder, size):
    with contextlib.ExitStack() as stack:
        server = start_redis(stack, folder)
        over_unix = start_ours(stack, folder / "unix", store=server.unix_url)
        over_inet = start_ours(
            stack, folder / "inet", f"inet:127.0.0.1:{free_port()}",
            store=server.unix_url)
        noop = start_noop(stack, folder / "noop")
        postfixes = [
            start_postfix(stack, folder, name, milters)
            for name, milters in (
                ("alone", ""), ("with-noop", f"unix:{noop}"),
                ("with-unix", over_unix.listen),
                ("with-inet", over_inet.listen))]
        count = mail.amount(size.mail_s, *((it,) for it in postfixes))
        client = script.Client(server)
        ours = over_unix.process.pid, over_inet.process.pid
        calls = client.calls("evalsha")
        switches = sum(map(machine.context_switches, ours))
        cpu_us = sum(map(machine.cpu_us, ours))
        alone, nothing, unix, inet = figures.take_turns(
            size.mail_pairs,
            *(lambda postfix=postfix: mail.send(postfix, count)
              for postfix in postfixes),
            until=lambda results: figures.is_narrow(results[1], results[2]))
        calls = client.calls("evalsha") - calls
        switches = sum(map(machine.context_switches, ours)) - switches
        cpu_us = sum(map(machine.cpu_us, ours)) - cpu_us
    messages = 2 * count * len(unix)
    if calls < 2 * messages:
        raise machine.BenchError(f"{calls} decisions for {messages} messages")
    beside = {"messages/s": count / figures.median(unix),
              "no-op milter, messages/s":
                  count / figures.median(nothing),
              "Postfix alone, messages/s":
                  count / figures.median(alone),
              "inet, messages/s": count / figures.median(inet),
              "calls of Redis a message": calls / messages,
              "context switches of our milters a message":
                  switches / messages,
              "CPU of our milters a message, us": cpu_us / messages}
    return [
        figures.of_pairs(
            "milter-noop", "Postfix with our milter on Redis / with a milter "
            "that does nothing", figures.ratios(nothing, unix), asked=0.97,
            beside=beside),
        figures.of_pairs(
            "milter-unix", "Postfix with our milter over unix / alone",
            figures.ratios(alone, unix), asked=0.75),
        figures.of_pairs(
            "milter-inet", "Postfix with our milter over inet / alone",
            figures.ratios(alone, inet), asked=0.65)]


def slowest(server, count):
    crowd = Crowd(server)
    try:
        times, answers = crowd.open(addresses(count), timeout=60)
    finally:
        crowd.close()
    if set(answers) != {"c"}:
        raise machine.BenchError(f"refused: {set(answers)}")
    return max(times)


def burst_ours(folder):
    with contextlib.ExitStack() as stack:
        folder.mkdir()
        folder.chmod(0o755)
        server = start_redis(stack, folder)
        milter = start_ours(stack, folder / "milter", store=server.unix_url)
        milter.process.wait_output(" is available")
        return slowest(milter.socket, BURST)


def burst_noop(folder):
    with contextlib.ExitStack() as stack:
        return slowest(start_noop(stack, folder), BURST)


def numbered(folder, name, run):
    """run(a folder of its own) each time it is called."""
    count = iter(range(1000000))
    return lambda: run(folder / f"{name}{next(count)}")


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measure_burst(folder, size):
    raise_descriptor_limit()
    nothing, ours = figures.take_turns(
        size.pairs, numbered(folder, "noop", burst_noop),
        numbered(folder, "ours", burst_ours))
    return [figures.of_pairs(
        "milter-burst", f"slowest of {BURST} sessions in a cold burst, our "
        "milter on Redis / one that does nothing",
        figures.ratios(ours, nothing), asked=3, at_least=False,
        beside={"slowest, ms": 1000 * figures.median(ours),
                "no-op milter, slowest, ms": 1000 * figures.median(nothing)})]


def measure_idle(folder, _size):
    raise_descriptor_limit()
    with contextlib.ExitStack() as stack:
        server = start_redis(stack, folder)
        milter = start_ours(stack, folder / "milter", store=server.unix_url)
        milter.process.wait_output(" is available")
        empty = milter.process.resident_kib()
        crowd = Crowd(milter.socket)
        stack.callback(crowd.close)
        crowd.open(addresses(IDLE), timeout=60)
        used = milter.process.resident_kib()
    return [figures.Figure(
        "milter-idle", f"memory with {IDLE} idle sessions, each with a place",
        used / 1024, unit="MiB", asked=32, at_least=False,
        beside={"without sessions, MiB": empty / 1024,
                "bytes a session": 1024 * (used - empty) / IDLE})]
