"""Whole mail through two Postfix instances that differ in their anvil only."""
import contextlib
import os
import shutil
import subprocess
import time
from statistics import median

from harness.policyd import ANVIL_PASS
from harness.ports import free_port
from harness.postfix import STOCK_ANVIL, Postfix, pass_through
from harness.wait import wait_until

from . import figures, machine, script

# High, so that smtpd asks about every event and nobody is refused.
LIMITS = {f"smtpd_client_{name}_limit": 10000000 for name in (
    "connection_count", "connection_rate", "message_rate", "recipient_rate",
    "auth_rate", "new_tls_session_rate")}
# Or cleanup sleeps for a second now and then, when mail comes in faster than
# it goes out: a lottery that would be most of the result.
SETTINGS = {**LIMITS, "in_flow_delay": 0}
FEW = 200  # messages, to see how fast the machine is


def queue_is_empty(postfix):
    return not any(names for queue in ("incoming", "active", "deferred")
                   for _, _, names in os.walk(postfix.queue / queue))


def send(postfix, messages, server=None):
    """Seconds; what is left of the queue is not left to the next run. server:
    a proxy before it."""
    began = time.monotonic()
    done = subprocess.run(
        ["smtp-source", "-s", "20", "-m", str(messages),
         "-f", "sender@client.test", "-t", "user@test.example",
         "{}:{}".format(*(server or postfix.server))],
        capture_output=True, text=True, check=False, timeout=300)
    seconds = time.monotonic() - began
    if done.returncode != 0 or done.stderr:
        raise machine.BenchError(f"smtp-source: {done.stderr}")
    wait_until(lambda: queue_is_empty(postfix), 120, "the queue is empty")
    return seconds


def amount(seconds, *ways):
    """So many messages take about that time, once the processes run. ways: a
    Postfix, and the server before it if there is one."""
    for way in ways:
        send(way[0], FEW, *way[1:])
    took = median(send(way[0], FEW, *way[1:]) for way in ways)
    return max(FEW // 2, int(FEW * seconds / took))


def start_postfix(stack, folder, name, anvil, **main):
    postfix = Postfix(folder / name, port=free_port(), anvil=anvil,
                      main={**SETTINGS, **main}, name=name)
    stack.callback(postfix.close)
    postfix.start()
    machine.put_first(postfix.master_pid())  # it has a session of its own
    return postfix


def start_anvil_face(stack, folder, server):
    """policyd, reporting, and the line of master.cf that leads to it."""
    path = folder / "policyd/anvil-pass"
    policyd = machine.start_policyd(
        stack, path.parent, f"anvil-pass:unix:{path}", store=server.unix_url)
    helper = folder / "tollgate-anvil-pass"  # where nobody may run it
    shutil.copy(ANVIL_PASS, helper)
    return policyd, pass_through(helper, path)


class Meter:
    """What is used from now on, by whom."""

    def __init__(self, server, pids):
        self._client = script.Client(server)
        self._pids = pids
        self._calls, self._cpu_us = self._read()

    def _read(self):
        return (self._client.calls("evalsha"),
                {name: machine.cpu_us(pid) for name, pid in self._pids.items()})

    def per_message(self, messages):
        calls, cpu_us = self._read()
        if calls - self._calls < messages:
            raise machine.BenchError(f"{calls} decisions, {messages} messages")
        return {"calls of Redis a message": (calls - self._calls) / messages,
                **{f"{name}, CPU us a message": (us - self._cpu_us[name]) /
                   messages for name, us in cpu_us.items()}}


def measure(folder, size):
    """Nothing is pinned: there are dozens of processes."""
    with contextlib.ExitStack() as stack:
        server = script.start_redis(stack, folder)
        os.sched_setaffinity(server.process.pid, os.sched_getaffinity(0))
        policyd, face = start_anvil_face(stack, folder, server)
        own = start_postfix(stack, folder, "own", STOCK_ANVIL)
        shared = start_postfix(stack, folder, "shared", face)
        messages = amount(size.mail_s, (own,), (shared,))
        meter = Meter(server, {
            "policyd": policyd.process.pid, "Redis": server.process.pid,
            "Postfix's anvil": machine.child_of(own.master_pid(), "anvil")})
        before, after = figures.take_turns(
            size.mail_pairs, lambda: send(own, messages),
            lambda: send(shared, messages),
            until=lambda results: figures.is_narrow(*results))
        used = meter.per_message(messages * len(after))
    return [figures.of_pairs(
        "mail", "Postfix with our anvil face on Redis / with its own anvil",
        figures.ratios(before, after), asked=0.93,
        beside={"messages/s": messages / figures.median(after),
                "own anvil, messages/s": messages / figures.median(before),
                **used})]
