"""The policy face against a server that does nothing, and against Redis."""
import contextlib
import shutil

from harness.policyd import answers
from harness.process import Process
from harness.wait import wait_until

from . import figures, machine, script


def ask(path, process, requests, *options):
    return machine.run_json(machine.program("policy_load"), "--pid",
                            process.pid, "--requests", requests, *options,
                            f"unix:{path}")


def column(results, name):
    return [result[name] for result in results]


def medians(who, results):
    return {f"{who}, {what}": figures.median(column(results, name))
            for what, name in (("requests/s", "requests_per_second"),
                               ("CPU us a request", "server_cpu_us"),
                               ("p50 us", "p50_us"), ("p99 us", "p99_us"))}


def start_null_server(stack, path):
    process = Process([machine.program("null_policy_server"), f"unix:{path}"],
                      path.with_suffix(".log"))
    stack.callback(process.close)
    wait_until(lambda: answers(path), 10, "the null server answers")
    machine.pin(process, machine.SERVER_CPU)
    return process


def start_on_memory(stack, folder):
    path = folder / "policyd/policy"
    policyd = machine.start_policyd(
        stack, path.parent, f"policy:unix:{path}", machine.SERVER_CPU,
        client_limits_at="policy", client_recipient_rate_limit=script.NEVER)
    return policyd.process, path


def measure_memory(folder, size):
    with contextlib.ExitStack() as stack:
        null_path = folder / "null"
        null = start_null_server(stack, null_path)
        policyd, path = start_on_memory(stack, folder)
        ask(path, policyd, size.requests)  # all clients are there, and both
        ask(null_path, null, size.requests)  # have their memory
        ours, theirs = figures.take_turns(
            size.pairs, lambda: ask(path, policyd, size.requests),
            lambda: ask(null_path, null, size.requests))
    cpu = figures.ratios(column(ours, "server_cpu_us"),
                         column(theirs, "server_cpu_us"))
    return [figures.of_pairs(
        "policy-memory", "policy face on memory: / null server",
        figures.ratios(column(ours, "requests_per_second"),
                       column(theirs, "requests_per_second")), asked=0.88,
        beside={**medians("policyd", ours), **medians("null server", theirs),
                "load, CPU us a request":
                    figures.median(column(ours, "load_cpu_us"))}),
        figures.of_pairs(
            "policy-memory-cpu", "CPU of a decision on memory: / null server",
            cpu, asked=1.4, at_least=False)]


def measure_redis(folder, size):
    """Redis has a CPU to itself; policyd shares the other with the load."""
    with contextlib.ExitStack() as stack:
        server = script.start_redis(stack, folder)
        policyd, path = script.start_policyd(stack, folder, server)
        machine.pin(policyd.process, machine.LOAD_CPU)
        command = script.overhear(server, path)
        client = script.Client(server)
        calls = client.calls("evalsha")
        ours, theirs = figures.take_turns(
            size.pairs, lambda: ask(path, policyd.process, size.requests),
            lambda: script.per_second(server, command, size.requests))
        calls = client.calls("evalsha") - calls
        alone = ask(path, policyd.process, size.requests // 10,
                    "--connections", 1)
    if calls < 2 * size.pairs * size.requests:
        raise machine.BenchError(f"only {calls} decisions were made in Redis")
    return [
        figures.of_pairs(
            "policy-redis", "policy face on Redis / redis-benchmark",
            figures.ratios(column(ours, "requests_per_second"), theirs),
            asked=0.55,
            beside={**medians("policyd", ours),
                    "redis-benchmark, scripts/s": figures.median(theirs)}),
        figures.of_pairs("policy-redis-cpu", "CPU of a decision on Redis",
                         column(ours, "server_cpu_us"), unit="us", asked=10,
                         at_least=False,
                         beside={"one at a time, CPU us":
                                 alone["server_cpu_us"],
                                 "one at a time, p50 us": alone["p50_us"]})]


def measure_refused(folder, size):
    """A client over its limit until a known time: is Redis asked again?"""
    limit = 10
    with contextlib.ExitStack() as stack:
        server = script.start_redis(stack, folder)
        policyd, path = script.start_policyd(
            stack, folder, server, rate_time_unit="1h",
            client_recipient_rate_limit=limit)
        client = script.Client(server)
        ask(path, policyd.process, 20 * limit, "--clients", 1)
        # Of all scripts the one that charges alone has it, once for the limit.
        before = client.calls("get")
        refusals = ask(path, policyd.process, size.requests, "--clients", 1)
        asked = client.calls("get") - before
    if refusals["passed"] != 0:
        raise machine.BenchError(f"passed over the limit: {refusals}")
    return [figures.Figure(
        "refused", f"calls of Redis for {size.requests} known refusals",
        asked, unit="calls", asked=3, at_least=False,
        beside={"refusals/s": refusals["requests_per_second"],
                "CPU us a refusal": refusals["server_cpu_us"]})]


def count_instructions(argv, path, log, requests):
    """Of a run under valgrind that answers so many requests."""
    process = Process(["valgrind", "--tool=cachegrind", "--cache-sim=no",
                       "--cachegrind-out-file=/dev/null", *argv], log)
    try:
        wait_until(lambda: answers(path), 30, process.text)
        ask(path, process, requests)
        process.terminate(60)
    finally:
        process.close()
    total = [line for line in process.text().splitlines() if " I  " in line]
    return int(total[-1].split()[-1].replace(",", ""))


def instructions_of(argv, path, log):
    few, many = 20000, 60000
    return (count_instructions(argv, path, log, many) -
            count_instructions(argv, path, log, few)) / (many - few)


def measure_instructions(folder, _size):
    """In user space; the same to about 1 % on any day, so good to compare."""
    if shutil.which("valgrind") is None:
        return []
    null_path = folder / "null"
    null = instructions_of(
        [machine.program("null_policy_server"), f"unix:{null_path}"],
        null_path, folder / "null.log")
    with contextlib.ExitStack() as stack:
        policyd, path = start_on_memory(stack, folder)
    ours = instructions_of(policyd.argv, path, folder / "valgrind.log")
    return [figures.Figure(
        "instructions", "instructions of a decision on memory:", ours,
        unit="", beside={"null server": null})]
