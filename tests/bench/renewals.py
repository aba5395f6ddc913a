"""Certificates: how soon a renewed one is served, what watching costs while
nothing changes, and what decisions wait while everything changes."""
import contextlib
import json
import os
import random
import subprocess
import time

from harness.authority import Authority, acme_json
from harness.cert_layouts import (Caddy, Certbot, Combined, Companion,
                                  Installed, NewFolder, Pair, Secret, put,
                                  put_over)
from harness.cert_site import NAME
from harness.policyd import Policyd
from harness.socketmap import Socketmap

from . import figures, machine, script

TOOLS = [Caddy, Certbot, Combined, Companion, Installed, NewFolder, Pair,
         Secret]
PAUSE_S = 0.6  # at most, so that a renewal meets any moment of a look
PAIRS, STORES, ENTRIES = 40, 10, 1000
LATE_S = 30


def wait_served(map_, name, fingerprint):
    until = time.monotonic() + LATE_S
    while map_.fingerprints(name) != [fingerprint]:
        if time.monotonic() > until:
            raise machine.BenchError(f"{name}: the new one is not served")
        time.sleep(0.0005)


def renew(folder, tool, issued, moments):
    """Milliseconds of each renewal, from the pair whole on the disk."""
    folder.mkdir()
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        layout = tool(folder)
        layout.write(issued[0])
        sni = folder / "sni"
        stack.callback(Policyd(
            folder / "policyd", [f"sni:unix:{sni}"], sections=[
                ("certificate", NAME, {"source": layout.source})]).close)
        map_ = stack.enter_context(Socketmap(sni))
        wait_served(map_, NAME, issued[0].fingerprint)
        times = []
        for one in issued[1:]:
            time.sleep(moments.uniform(0, PAUSE_S))
            layout.write(one)
            began = time.monotonic()
            wait_served(map_, NAME, one.fingerprint)
            times.append(1000 * (time.monotonic() - began))
    return times


def measure_live(folder, size, authority):
    issued = [authority.issue(NAME) for _ in range(size.renewals + 1)]
    moments = random.Random(1)
    times = {tool.__name__: renew(folder / tool.__name__, tool, issued, moments)
             for tool in TOOLS}
    ordered = sorted(sum(times.values(), []))
    return figures.Figure(
        "renewals", f"p99 of {len(ordered)} renewals as eight tools write "
        "them, until the new one is served", ordered[
            int(0.99 * (len(ordered) - 1))], unit="ms", asked=250,
        at_least=False, beside={
            "median, ms": figures.median(ordered), "longest, ms": ordered[-1],
            **{f"median of {name}, ms": figures.median(each)
               for name, each in times.items()}})


class Crowd:
    """Pairs of files and Traefik's stores, a certificate section each; in a
    store all entries but one are of other names."""

    def __init__(self, folder, authority):
        self.folder = folder
        other = authority.issue("other.example.com")
        self.foreign = [(f"d{number}.example.com", [], other)
                        for number in range(ENTRIES - 1)]
        self.names = [f"mail{number}.example.com"
                      for number in range(PAIRS + STORES)]
        # Two of each, in turn.
        self.issued = [[authority.issue(name) for name in self.names]
                       for _ in range(2)]
        self.stores = [[json.dumps(acme_json(*self.foreign, (name, [], one)))
                        for name, one in zip(self.names[PAIRS:], each[PAIRS:])]
                       for each in self.issued]
        folder.mkdir()
        self.write(folder, 0)

    def write(self, folder, which):
        for number in range(PAIRS):
            one = self.issued[which][number]
            put_over(folder / f"{number}.pem", one.combined)
        for number, text in enumerate(self.stores[which]):
            put(folder / f"{number}.json", text)

    def sections(self):
        sources = [f"combined:{self.folder}/{n}.pem" for n in range(PAIRS)] + \
            [f"traefik:{self.folder}/{n}.json" for n in range(STORES)]
        return [("certificate", name, {"source": source})
                for name, source in zip(self.names, sources)]

    def wait(self, map_, which):
        for name, one in zip(self.names, self.issued[which]):
            wait_served(map_, name, one.fingerprint)


def load(path, requests):
    return subprocess.Popen(
        ["taskset", "-c", str(machine.LOAD_CPU),
         str(machine.program("policy_load")), "--connections", "1",
         "--requests", str(requests), f"unix:{path}"],
        stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def behind():
    """Who changes files takes no CPU from who asks, or is asked."""
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, -20)


def longest_ms(path, requests, change):
    """Of the decisions while change() runs, and all that follows from it."""
    while True:
        with load(path, requests) as asking:
            with behind():
                change()
            is_over = asking.poll() is not None
            longest = json.loads(asking.communicate()[0])["max_us"] / 1000
        if not is_over:
            return longest
        requests *= 2


def measure_crowd(folder, size, authority):
    crowd = Crowd(folder / "sources", authority)
    beside = folder / "beside"
    beside.mkdir()
    sni, policy_socket = folder / "sni", folder / "policy"
    with contextlib.ExitStack() as stack:
        policyd = Policyd(
            folder / "policyd",
            [f"sni:unix:{sni}", f"policy:unix:{policy_socket}"],
            options={"client_limits_at": "policy",
                     "client_recipient_rate_limit": script.NEVER},
            sections=crowd.sections())
        stack.callback(policyd.close)
        machine.pin(policyd.process, machine.SERVER_CPU)
        map_ = stack.enter_context(Socketmap(sni))
        crowd.wait(map_, 0)
        time.sleep(size.settle_s)
        used, began = machine.cpu_us(policyd.process.pid), time.monotonic()
        time.sleep(size.still_s)
        used = machine.cpu_us(policyd.process.pid) - used
        share = used / (time.monotonic() - began) / 1e4

        def change_all(which):
            crowd.write(crowd.folder, which)
            crowd.wait(map_, which)

        requests = size.requests // 10
        changed, unchanged = figures.take_turns(
            size.changes,
            lambda: [longest_ms(policy_socket, requests,
                                lambda: change_all(which))
                     for which in (1, 0)],
            lambda: longest_ms(policy_socket, requests,
                               lambda: crowd.write(beside, 1)))
    changed = [each for pair in changed for each in pair]
    return [
        figures.Figure(
            "watching", f"CPU of a policyd that watches {PAIRS + STORES} "
            f"sources and {STORES * ENTRIES} entries, unchanged", share,
            unit="%", asked=0.2, at_least=False),
        figures.Figure(
            "all-change", "longest decision while all of them change at once",
            max(changed), unit="ms", asked=5, at_least=False, beside={
                "median of the longest ones, ms": figures.median(changed),
                "while the same is written where nobody looks, longest, ms":
                    max(unchanged),
                "and their median, ms": figures.median(unchanged)})]


def measure(folder, size):
    authority = Authority(folder / "ca")
    live = measure_live(folder, size, authority)
    return [live, *measure_crowd(folder, size, authority),
            figures.Figure("renewals-load", "load average beside",
                           os.getloadavg()[0], unit="")]
