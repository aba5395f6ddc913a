"""Readers of the control socket: decisions do not wait for what they ask, and
those who may change things always get a place."""
import contextlib
import json
import subprocess
import time

import pytest

from harness.attributes import Policy
from harness.control import Control, asked, tollgatectl
from harness.policyd import Policyd
from harness.site import DECIDING, make_pods
from harness.smtp import send_one

READER, OTHER = 21003, 21004
READERS = 64


def as_user(uid):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


@pytest.fixture
def policyd(place, keep):
    place.chmod(0o777)
    return keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"],
                        options={"control_mode": "0666"}))


READ = """
import select, socket, sys
path, line, count = sys.argv[1], sys.argv[2].encode() + b"\\n", int(sys.argv[3])
poll, peers = select.poll(), {}
for _ in range(count):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    peer.setblocking(False)
    peers[peer.fileno()] = peer
    poll.register(peer, select.POLLIN | select.POLLOUT)
print("all there", flush=True)
while peers:
    for number, what in poll.poll():
        try:
            if what & select.POLLIN and not peers[number].recv(1 << 16):
                raise OSError
            if what & select.POLLOUT:
                peers[number].send(line * 100)
        except BlockingIOError:
            poll.modify(number, select.POLLIN)
        except OSError:
            poll.unregister(number)
            peers.pop(number).close()
"""


class Readers:
    """Processes of a reader's own, who ask as fast as they are answered."""

    def __init__(self, daemon, command, count=READERS, uid=READER):
        line = json.dumps({"command": command})
        self.process = subprocess.Popen(
            [*as_user(uid), "/usr/bin/python3", "-c", READ, str(daemon.control), line,
             str(count)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "all there\n"

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.mark.parametrize("command", [
    "config check", "config show", "status", "top", "bans", "watch"])
def test_decisions_do_not_wait_for_readers(policyd, place, keep, command):
    """Compared with a decision when nobody reads: 24 s and 0.4 ms once."""
    with Policy(place / "policy") as smtpd:
        smtpd.rcpt("203.0.113.1")
        keep(Readers(policyd, command))
        slowest = 0
        for number in range(200):
            began = time.monotonic()
            assert smtpd.rcpt(f"203.0.113.{number}") == "DUNNO"
            slowest = max(slowest, time.monotonic() - began)
    # No matter how busy the machine is.
    assert slowest < 2


@pytest.mark.parametrize("command", ["config check", "watch"])
def test_smtpd_is_never_kept_waiting(place, keep, command):
    """Each session gets its answers in time, through the helper as well."""
    place.chmod(0o755)
    pod, = make_pods(place, keep, ["pass"], main=DECIDING["main"],
                     options={**DECIDING["options"], "control_mode": "0666"})
    keep(Readers(pod.policyd, command))
    said = [send_one(pod.server, f"127.0.77.{n}") for n in range(1, 31)]
    assert said == ["250"] * 30


def test_each_reader_has_his_turn(policyd, keep):
    keep(Readers(policyd, "config show", 16))
    done = tollgatectl("status", sockets=[policyd], before=as_user(OTHER))
    assert done.returncode == 0, done.stderr


def test_watchers_lock_nobody_out(policyd, keep):
    keep(Readers(policyd, "watch"))
    assert asked(policyd, "status")["phase"] == "serving"
    done = tollgatectl("ban", "203.0.113.66", "1h", sockets=[policyd])
    assert done.returncode == 0, done.stderr
    # Of the user who holds most, one goes.
    done = tollgatectl("status", sockets=[policyd], before=as_user(OTHER))
    assert done.returncode == 0, done.stderr


def test_those_who_may_change_make_room_for_one_another(policyd):
    peers = [Control(policyd) for _ in range(200)]
    for peer in peers[100:]:
        with contextlib.suppress(BrokenPipeError):  # it has made room already
            peer.send(b'{"command":"watch"}\n')
    assert asked(policyd, "status")["phase"] == "serving"
    for peer in peers:
        peer.close()


def test_a_check_sees_what_is_in_the_file_now(policyd):
    """It is made by another process, with the same answer."""
    assert asked(policyd, "config", "check")["before"] == \
        asked(policyd, "config", "check")["after"]
    policyd.write_config(rate_time_unit="7s")
    check = asked(policyd, "config", "check")
    assert check["before"] != check["after"]
    policyd.write_config(rate_time_unit="7 oranges")
    done = tollgatectl("config", "check", sockets=[policyd])
    assert done.returncode == 1 and "oranges" in done.stderr


def test_a_long_list_is_whole(policyd, keep):
    """Of bans that come and go meanwhile, read slowly."""
    with Control(policyd) as root:
        for number in range(3000):
            answer = root.ask("ban", net=f"10.1.{number // 256}.{number % 256}")
            assert answer["ok"], answer
        with Control(policyd) as slow:
            slow.send(b'{"command":"bans"}\n')
            for number in range(10):
                root.ask("unban", net=f"10.1.11.{number}")
            nets = [ban["key"] for ban in slow.read()["result"]["bans"]]
    assert nets == sorted(nets, key=lambda net: tuple(
        map(int, net.split("/")[0].split("."))))
    assert len(nets) == len(set(nets)) and 2990 <= len(nets) <= 3000
