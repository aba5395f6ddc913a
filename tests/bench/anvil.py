"""One anvil request and its answer: Postfix's anvil against ours."""
import contextlib
import os

from harness.policyd import answers
from harness.ports import free_port
from harness.postfix import Postfix
from harness.wait import wait_until

from . import figures, machine, script


def start_postfix(stack, folder):
    """The socket of its anvil, which runs on the server's CPU."""
    postfix = Postfix(folder / "postfix", port=free_port())
    stack.callback(postfix.close)
    postfix.start()
    round_trip(postfix.anvil_socket, 1, 1000)  # has master start it
    pid = wait_until(
        lambda: machine.child_of(postfix.master_pid(), "anvil"), 10,
        "Postfix has an anvil")
    os.sched_setaffinity(pid, {machine.SERVER_CPU})
    return postfix.anvil_socket


def start_policyd(stack, folder, **options):
    path = folder / "anvil"
    machine.start_policyd(stack, folder, f"anvil:unix:{path}",
                          machine.SERVER_CPU, **options)
    wait_until(lambda: answers(path), 10, "the anvil face answers")
    return path


def round_trip(path, connections, requests):
    return machine.run_json(machine.program("anvil_load"), "-c", connections,
                            "-n", requests, path)["p50_us"]


def in_turns(paths, rounds, connections, requests):
    return figures.take_turns(rounds, *(
        lambda path=path: round_trip(path, connections, requests)
        for path in paths))


def figure(name, store, asked, alone, crowd):
    """alone, crowd: (ours, theirs), with 1 and with 20 connections."""
    return figures.of_pairs(
        f"anvil-{name}", f"anvil round trip p50 on {store} / Postfix's anvil",
        figures.ratios(*alone), asked=asked, at_least=False,
        beside={"p50 us": figures.median(alone[0]),
                "Postfix's anvil, p50 us": figures.median(alone[1]),
                "20 connections, p50 us": figures.median(crowd[0]),
                "20 connections, ratio":
                    figures.median(figures.ratios(*crowd))})


def measure(folder, size):
    """One request under way: what an smtpd waits for."""
    with contextlib.ExitStack() as stack:
        server = script.start_redis(stack, folder)
        paths = (start_postfix(stack, folder),
                 start_policyd(stack, folder / "memory"),
                 start_policyd(stack, folder / "redis-policyd",
                               store=server.unix_url))
        alone = in_turns(paths, size.pairs, 1, size.requests // 10)
        crowd = in_turns(paths, 3, 20, size.requests // 4)
    return [figure("memory", "memory:", 3, (alone[1], alone[0]),
                   (crowd[1], crowd[0])),
            figure("redis", "Redis", 5, (alone[2], alone[0]),
                   (crowd[2], crowd[0]))]
