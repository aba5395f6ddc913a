"""A gate beside what Postfix does by itself: what a refused connection costs,
what an accepted session costs more, and what silent connections keep."""
import contextlib
import resource
import socket

from harness.control import asked
from harness.gate_site import PROXY
from harness.haproxy import Haproxy
from harness.policyd import Policyd
from harness.ports import free_port, is_taken
from harness.postfix import STOCK_ANVIL, Postfix
from harness.process import Process
from harness.wait import wait_until

from . import figures, machine, mail

NAME = "smtpd-gate"
LISTENER = {"smtpd_upstream_proxy_protocol": "haproxy"}
SILENT = 10000


def start_gate(stack, folder, main=None, **options):
    """(policyd, its Postfix, the gate's port)."""
    folder.mkdir()
    folder.chmod(0o755)
    postfix = Postfix(
        folder / "postfix", port=free_port(), name="gated",
        lines=[f"{NAME} pass n - n - - smtpd"],
        main={**mail.SETTINGS, "master_service_disable": "anvil/unix",
              **(main or {})})
    stack.callback(postfix.close)
    postfix.start()
    machine.put_first(postfix.master_pid())
    port = free_port()
    policyd = Policyd(
        folder / "policyd",
        [f"anvil:unix:{postfix.anvil_socket}", f"gate:inet:127.0.0.1:{port}"],
        options={"client_limits_at": "anvil", **options},
        policyd={"gate_connections": 2 * SILENT},
        sections=[("service", "25", {
            "port": port, "proxied": True,
            "trusted_proxies": ["127.0.0.1", PROXY],
            "pass_to": postfix.queue / "public" / NAME,
            "header_timeout": "100s"})])
    stack.callback(policyd.close)
    return policyd, postfix, port


def start_postfix(stack, folder, name, listener, **main):
    """One whose own smtpd, or postscreen, reads the PROXY header."""
    port = free_port()
    postfix = Postfix(
        folder / name, port=free_port(), anvil=STOCK_ANVIL, name=name,
        lines=[line.format(port=port) for line in listener],
        main={**mail.SETTINGS, **main})
    stack.callback(postfix.close)
    postfix.start()
    return postfix, port


def start_bare(stack, folder):
    port = free_port()
    process = Process([machine.program("bare_refuser"), str(port)],
                      folder / "bare.log")
    stack.callback(process.close)
    wait_until(lambda: is_taken(("127.0.0.1", port)), 10, "it listens")
    return process, port


def greet(port):
    """The one connection that the client may have."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(b"PROXY TCP4 10.0.0.1 192.0.2.25 40000 25\r\n")
        if connection.recv(3) != b"220":
            raise machine.BenchError(f"{port}: no greeting")


def refused(used_by, pid, port, connections, clients=1):
    """CPU of the server for each, in microseconds, and how many a second."""
    before = used_by(pid)
    done = machine.run_json(machine.program("refusal_load"), connections,
                            clients, port)
    used = used_by(pid) - before
    return used / connections, connections / done["seconds"]


def measure_refused(folder, size):
    """One client over its limit, at all of them; then many who are banned."""
    count = size.refusals
    with contextlib.ExitStack() as stack:
        policyd, _, gate = start_gate(
            stack, folder / "gate", client_connection_rate_limit=1,
            rate_time_unit="1h")
        own, own_port = start_postfix(
            stack, folder, "own", ["{port} inet n - n - - smtpd"],
            **LISTENER, smtpd_client_connection_rate_limit=1,
            anvil_rate_time_unit="1h")
        screen, screen_port = start_postfix(
            stack, folder, "screen",
            ["{port} inet n - n - 1 postscreen", "smtpd pass - - n - - smtpd"],
            postscreen_upstream_proxy_protocol="haproxy",
            postscreen_access_list="static:reject",
            postscreen_denylist_action="drop",
            postscreen_cache_map="")
        bare, bare_port = start_bare(stack, folder)
        for port in gate, own_port:
            greet(port)
        one = machine.cpu_us, policyd.process.pid, gate, 10 * count
        servers = [one, (machine.tree_cpu_us, own.master_pid(), own_port, count),
                   (machine.tree_cpu_us, screen.master_pid(), screen_port, 10 * count),
                   (machine.cpu_us, bare.pid, bare_port, 10 * count)]
        for server in servers:
            refused(*server)
        runs = figures.take_turns(size.pairs, *(
            lambda server=server: refused(*server) for server in servers))
        ours, smtpd, postscreen, loop = (
            [used for used, _ in each] for each in runs)
        rate = figures.median([rate for _, rate in runs[0]])
        asked(policyd, "ban", "10.0.0.0/8", "1h", "flood")
        many = [refused(*one, 10000)[0] for _ in range(size.pairs)]
    beside = {"gate, us": figures.median(ours), "smtpd, us":
              figures.median(smtpd), "postscreen, us":
              figures.median(postscreen), "bare loop, us":
              figures.median(loop), "10,000 banned clients, us":
              figures.median(many), "refusals/s of one load": rate}
    return [
        figures.of_pairs(
            "gate-refused-smtpd", "CPU of a refused connection, gate / smtpd "
            "and Postfix's anvil", figures.ratios(ours, smtpd),
            asked=1 / 15, at_least=False, beside=beside),
        figures.of_pairs(
            "gate-refused-postscreen", "CPU of a refused connection, gate / "
            "postscreen", figures.ratios(ours, postscreen), asked=0.6,
            at_least=False),
        figures.of_pairs(
            "gate-refused-bare", "CPU of a refused connection, gate / bare "
            "loop", figures.ratios(ours, loop), asked=1.6, at_least=False)]


def measure_session(folder, size):
    """HAProxy before both, so smtp-source need not know of headers; policyd
    counts for both, and proves where smtpd reads the header itself."""
    with contextlib.ExitStack() as stack:
        _, gated, gate = start_gate(stack, folder / "gate")
        own, own_port = start_postfix(
            stack, folder, "own", ["{port} inet n - n - - smtpd"], **LISTENER,
            master_service_disable="anvil/unix")
        proving = Policyd(
            folder / "proof", [f"anvil:unix:{own.anvil_socket}"],
            options={"client_limits_at": "anvil"}, sections=[("service", "25", {
                "port": own_port, "proxied": True,
                "trusted_proxies": ["127.0.0.1"]})])
        stack.callback(proving.close)
        ways = []
        for number, (postfix, port) in enumerate(
                [(gated, gate), (own, own_port)]):
            proxy = Haproxy(folder / f"haproxy-{number}",
                            ("127.0.0.1", free_port()), ("127.0.0.1", port))
            stack.callback(proxy.close)
            ways.append((postfix, proxy.server))
        messages = mail.amount(size.mail_s, *ways)
        runs = [lambda postfix=postfix, server=server: mail.send(
            postfix, messages, server) for postfix, server in ways]
        ours, theirs = figures.take_turns(
            size.mail_pairs, *runs,
            until=lambda results: figures.is_narrow(*results))
    return [figures.of_pairs(
        "gate-session", "time of whole mail, gate and pass / smtpd's own PROXY "
        "listener with a proof", figures.ratios(ours, theirs), asked=1.03, at_least=False,
        beside={"gate, messages/s": messages / figures.median(ours),
                "own, messages/s": messages / figures.median(theirs)})]


def measure_silent(folder, _size):
    """Memory that connections cost which have said nothing: as many as a
    quarter of the descriptors that a process may have here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(SILENT, hard // 4 - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with contextlib.ExitStack() as stack:
            policyd, _, gate = start_gate(stack, folder / "gate")
            before = policyd.process.resident_kib()
            for _ in range(count):
                stack.enter_context(
                    socket.create_connection(("127.0.0.1", gate), 20))
            wait_until(lambda: policyd.metric("tollgate_gate_connections") ==
                       count, 30, "all are in hand")
            each = (policyd.process.resident_kib() - before) / count
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return [figures.Figure(
        "gate-silent", f"memory of each of {count} silent connections", each,
        unit="KiB", asked=4, at_least=False)]
