"""Bytes per client and limit."""
import contextlib
import time

from . import figures, machine, script

SUB_WINDOWS = 5  # alive at once, the most that was asked about
BATCH = 5000


def measure_memory(_folder, _size):
    result = machine.run_json(machine.program("bench_memory_store"))
    return [figures.Figure(
        "bytes-memory", "bytes a client and limit on memory:, 1,000,000",
        result["bytes_per_client"], unit="B", asked=160, at_least=False,
        beside={"charge, ns, 10,000 clients": result["charge_ns_10k"],
                "charge, ns, 1,000,000 clients": result["charge_ns_1m"]})]


def address(number):
    return f"198.{51 + number // 65536}.{number // 256 % 256}.{number % 256}"


def batches(command, clients):
    """The command for each client, encoded, BATCH at a time."""
    for first in range(0, clients, BATCH):
        yield b"".join(
            script.encode([word.replace(script.SEEN_CLIENT, address(number))
                           for word in command])
            for number in range(first, first + BATCH))


def charge_all(client, encoded):
    for batch in encoded:
        client.send(batch)
        for _ in range(BATCH):
            reply = client.lines.readline()
            if not reply.startswith(b":"):
                raise machine.BenchError(f"redis: {reply}")


def wait_for_sub_window(length_s):
    """They are aligned, and Redis has this machine's clock."""
    time.sleep(length_s - time.time() % length_s + 0.01)


def used_memory(client):
    return int(client.info("memory")["used_memory"])


def entries_of(client, key):
    """6 bytes of total, 12 an entry (store.lua)."""
    return (int(client.command("STRLEN", key)) - 6) // 12


def measure_redis(folder, size):
    with contextlib.ExitStack() as stack:
        server = script.start_redis(stack, folder)
        policyd, path = script.start_policyd(
            stack, folder, server, rate_time_unit=f"{16 * size.sub_window_s}s")
        command = script.overhear(server, path)
        policyd.close()
        client = script.Client(server)
        client.command("FLUSHALL")
        encoded = list(batches(command, size.tracked))
        empty, used = used_memory(client), []
        for _ in range(SUB_WINDOWS):
            wait_for_sub_window(size.sub_window_s)
            charge_all(client, encoded)
            used.append(used_memory(client))
        keys = int(client.command("DBSIZE"))
        held = [entries_of(client, command[3].replace(
            script.SEEN_CLIENT, address(number))) for number in (0, keys - 1)]
    if keys != size.tracked or held != [SUB_WINDOWS] * 2:
        raise machine.BenchError(f"{keys} keys, {held} sub-windows")
    each = [(bytes_used - empty) / keys for bytes_used in used]
    return [figures.Figure(
        "bytes-redis", f"bytes a client and limit in Redis, up to "
        f"{SUB_WINDOWS} live sub-windows", max(each), unit="B", asked=230,
        at_least=False, beside={"with 1 live sub-window": each[0],
                                "key": command[3]})]
