"""Other limiters from Debian's packages, under the same load, in turns.

policyd-rate-limit is asked what the policy face is asked; rspamd stands where
our milter stands, with nothing but its ratelimit module, on a Redis of its
own. Whether they really count is checked, not believed.
"""
import contextlib
import shutil
import sqlite3
import subprocess

from harness.policyd import answers
from harness.process import Process
from harness.redis_server import RedisServer
from harness.wait import wait_until

from . import figures, machine, mail, milter, policy, script

ASKED_OF_PEER = 5000  # requests a run: enough seconds for it

RATE_LIMIT = """\
debug: False
user: nobody
group: nogroup
pidfile: {folder}/pid
sqlite_config:
    database: {folder}/db.sqlite3
backend: 0
SOCKET: {folder}/policy
socket_permission: 0666
limits:
    - [{limit}, 60]
limit_by_sasl: False
limit_by_ip: True
limited_networks: ["0.0.0.0/0"]
success_action: dunno
"""

RSPAMD = """\
options {{
  pidfile = "{folder}/pid"
  tempdir = "{folder}"
  filters = ""
  cache_file = "{folder}/symbols.cache"
  hs_cache_dir = "{folder}"
  control_socket = "{folder}/control mode=0600"
  local_addrs = []
  dns {{ nameserver = ["127.0.0.1:9"] }}
}}
logging {{ type = "console"; level = "warning" }}
worker "rspamd_proxy" {{
  bind_socket = "{folder}/socket mode=0666"
  milter = yes
  timeout = 120s
  count = 1
  upstream "local" {{ default = yes; self_scan = yes }}
}}
modules {{ path = "/usr/share/rspamd/plugins/ratelimit.lua" }}
lua = "/usr/share/rspamd/rules/rspamd.lua"
redis {{ servers = "{redis}" }}
ratelimit {{
  whitelisted_ip = []
  rates {{ everyone {{
    selector = "ip"
    bucket {{ burst = {limit}; rate = {limit}.0 }}
  }} }}
}}
"""


def version(package):
    return subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package],
        capture_output=True, text=True, check=False).stdout or "absent"


def own_folder(folder, name, user="nobody"):
    made = folder / name
    made.mkdir()
    shutil.chown(made, user)
    made.chmod(0o755)
    return made


def start_rate_limit(stack, folder):
    folder = own_folder(folder, "policyd-rate-limit")
    config = folder / "config.yaml"
    config.write_text(RATE_LIMIT.format(folder=folder, limit=script.NEVER))
    process = Process(["policyd-rate-limit", "-f", config], folder / "log")
    stack.callback(process.close)
    wait_until(lambda: answers(folder / "policy"), 10, process.text)
    machine.pin(process, machine.SERVER_CPU)
    return process, folder


def rows_of(folder):
    with contextlib.closing(sqlite3.connect(folder / "db.sqlite3")) as base:
        return base.execute("SELECT COUNT(*) FROM mail_count").fetchone()[0]


def measure_policy(folder, size):
    with contextlib.ExitStack() as stack:
        policyd, path = policy.start_on_memory(stack, folder)
        peer, peer_folder = start_rate_limit(stack, folder)
        ours, theirs = figures.take_turns(
            size.pairs, lambda: policy.ask(path, policyd, size.requests),
            lambda: policy.ask(peer_folder / "policy", peer, ASKED_OF_PEER))
        counted = rows_of(peer_folder)
    if counted < size.pairs * ASKED_OF_PEER:
        raise machine.BenchError(f"policyd-rate-limit counted {counted}")
    return [figures.of_pairs(
        "peers-policy", "policy face on memory: / policyd-rate-limit "
        f"{version('policyd-rate-limit')}, throughput",
        figures.ratios(policy.column(ours, "requests_per_second"),
                       policy.column(theirs, "requests_per_second")),
        beside={**policy.medians("policyd", ours),
                **policy.medians("policyd-rate-limit", theirs)})]


def start_rspamd(stack, folder, server):
    folder = own_folder(folder, "rspamd")
    config = folder / "rspamd.conf"
    config.write_text(RSPAMD.format(
        folder=folder, redis=server.socket, limit=10000000))
    process = Process(["rspamd", "-f", "-c", config, "-u", "nobody", "-g",
                       "nogroup"], folder / "log")
    stack.callback(process.close)
    stack.callback(process.terminate, 30)  # or its workers would stay
    wait_until(lambda: answers(folder / "socket"), 30, process.text)
    return process, folder / "socket"


def tree_cpu_us(process):
    """rspamd works in children; they do not end while it is measured."""
    children = subprocess.run(["pgrep", "-P", str(process.pid)],
                              capture_output=True, text=True, check=False)
    return sum(machine.cpu_us(pid)
               for pid in [process.pid, *children.stdout.split()])


def send_counting(postfix, messages, process):
    before = tree_cpu_us(process)
    seconds = mail.send(postfix, messages)
    return {"seconds": seconds,
            "cpu_us": (tree_cpu_us(process) - before) / messages}


def scripts(server):
    return script.Client(server).calls("evalsha")


def measure_milter(folder, size):
    with contextlib.ExitStack() as stack:
        (folder / "theirs").mkdir()
        (folder / "theirs").chmod(0o755)
        server = milter.start_redis(stack, folder)
        peer_server = RedisServer(folder / "theirs/redis")
        stack.callback(peer_server.close)
        mine = milter.start_ours(stack, folder / "ours",
                                 store=server.unix_url)
        peer, peer_socket = start_rspamd(stack, folder, peer_server)
        postfixes = [milter.start_postfix(stack, folder, name, milters)
                     for name, milters in (
                         ("alone", ""), ("with-ours", mine.listen),
                         ("with-rspamd", f"unix:{peer_socket}"))]
        count = mail.amount(size.mail_s, *((it,) for it in postfixes))
        calls = scripts(server), scripts(peer_server)
        alone, ours, theirs = figures.take_turns(
            size.pairs, lambda: mail.send(postfixes[0], count),
            lambda: send_counting(postfixes[1], count, mine.process),
            lambda: send_counting(postfixes[2], count, peer))
        messages = size.pairs * count
        calls = [(after - before) / messages for after, before in zip(
            (scripts(server), scripts(peer_server)), calls)]
    if min(calls) < 1:
        raise machine.BenchError(f"scripts of Redis a message: {calls}")
    seconds = [policy.column(each, "seconds") for each in (ours, theirs)]
    return [figures.of_pairs(
        "peers-milter", "Postfix with our milter on Redis / with rspamd "
        f"{version('rspamd')} (ratelimit on Redis), messages a second",
        figures.ratios(seconds[1], seconds[0]), beside={
            "Postfix alone, messages/s":
                count / figures.median(alone),
            "our milter, messages/s":
                count / figures.median(seconds[0]),
            "rspamd, messages/s": count / figures.median(seconds[1]),
            "our milter, CPU us a message":
                figures.median(policy.column(ours, "cpu_us")),
            "rspamd, CPU us a message":
                figures.median(policy.column(theirs, "cpu_us")),
            "our milter, scripts of Redis a message": calls[0],
            "rspamd, scripts of Redis a message": calls[1]})]
