"""./check --bench: every figure of doc/benchmarks.md, as a table and as JSON.

Last line: "N passed, N failed", a figure that falls short being a failure.
--quick makes a smoke run of it: few and short pairs, nothing judged.
"""
import argparse
import dataclasses
import json
import os
import signal
import sys

from harness.policyd import BUILD
from harness.workdir import workdir

from . import (anvil, daemon, figures, footprint, gate, machine, mail, milter,
               peers, policy, proof, readers, renewals, script)


@dataclasses.dataclass(frozen=True)
class Size:
    pairs: int = 9
    requests: int = 300000
    mail_pairs: int = 15
    mail_s: float = 1.5      # of mail in one run: so many messages as take that
    refusals: int = 2000     # connections, of smtpd; ten times as many of others
    tracked: int = 100000    # clients in Redis
    renewals: int = 13       # of each of eight tools
    settle_s: int = 65       # a poll reads what had just been written
    still_s: int = 60        # one poll of all sources
    changes: int = 9         # of fifty sources at once
    sub_window_s: int = 4    # long enough to charge them all within one


QUICK = Size(pairs=3, requests=50000, mail_pairs=3, mail_s=0.4, refusals=500,
             tracked=10000, renewals=2, settle_s=1, still_s=5, changes=2, sub_window_s=1)

MEASUREMENTS = {
    "policy-memory": policy.measure_memory,
    "instructions": policy.measure_instructions,
    "start": daemon.measure_start,
    "idle": daemon.measure_idle,
    "crowd": daemon.measure_crowd,
    "readers": readers.measure,
    "renewals": renewals.measure,
    "policy-redis": policy.measure_redis,
    "script": script.measure_floor,
    "refused": policy.measure_refused,
    "mail": mail.measure,
    "anvil": anvil.measure,
    "proof": proof.measure,
    "gate-refused": gate.measure_refused,
    "gate-session": gate.measure_session,
    "gate-silent": gate.measure_silent,
    "milter": milter.measure,
    "milter-burst": milter.measure_burst,
    "milter-idle": milter.measure_idle,
    "bytes-memory": footprint.measure_memory,
    "bytes-redis": footprint.measure_redis,
}

# Need Debian's packages of them; packages_peers in tests/lib/packages.sh.
PEERS = {
    "peers-policy": peers.measure_policy,
    "peers-milter": peers.measure_milter,
}


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=(
        "What tollgate costs, measured in turns with what it is compared to."))
    parser.add_argument("--json", metavar="FILE", help="default: bench.json "
                        "in the build folder")
    parser.add_argument("--quick", action="store_true",
                        help="a smoke run: small, and no figure is judged")
    parser.add_argument("--peers", action="store_true",
                        help="other limiters too, side by side")
    parser.add_argument("name", nargs="*", metavar="NAME",
                        help=f"of {' '.join(MEASUREMENTS | PEERS)}; "
                        "default: all but the peers")
    options = parser.parse_args()
    unknown = set(options.name) - set(MEASUREMENTS | PEERS)
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}")
    if not options.name:
        options.name = [*MEASUREMENTS, *(PEERS if options.peers else ())]
    return options


def measure(name, size):
    with workdir(os.environ.get("TMPDIR", "/tmp")) as folder:
        return (MEASUREMENTS | PEERS)[name](folder, size)


def print_result(name, result):
    print(f"-- {name}")
    print(figures.table(result), flush=True)


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("tests/bench/run: Postfix can only be started by root")
    for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT:
        signal.signal(number, lambda *_: sys.exit("interrupted"))
    size = QUICK if options.quick else Size()
    description = machine.describe()
    for what, value in description.items():
        print(f"{what}: {value}")
    machine.build_programs()

    result = []
    with machine.first_in_line():
        for name in options.name:
            part = measure(name, size)
            if options.quick:
                part = [dataclasses.replace(each, asked=None) for each in part]
            print_result(name, part)
            result += part

    path = options.json or BUILD / "bench.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": description, "size": dataclasses.asdict(size),
                   "figures": [figure.json() for figure in result]}, file,
                  indent=2)
    print(f"== all\n{figures.table(result).split(chr(10) * 2)[0]}")
    short = [figure.name for figure in result if figure.verdict == "SHORT"]
    print(f"{len(result) - len(short)} passed, {len(short)} failed")
    sys.exit(1 if short else 0)


main()
