"""Reload, restart and the end of the milter, with a real Postfix: no mail is
put off, no place is lost."""
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from harness.policyd import Milter, Policyd, answers
from harness.ports import free_port
from harness.postfix import Postfix
from harness.smtp import Smtp, send_one
from harness.wait import PATIENT, slowness, wait_until

OPTIONS = {"client_limits_at": "milter",
           "client_connection_count_limit": 1000,
           "client_message_rate_limit": 1000000, **PATIENT}


@pytest.fixture
def start(place, keep):
    def one(**options):
        return keep(Milter(place / "milter", options={**OPTIONS, **options}))
    return one


@pytest.fixture
def join(place, keep):
    """join(milter): a Postfix whose sessions go there."""
    def one(milter, **main):
        postfix = keep(Postfix(
            place / "postfix", port=free_port(), main=milter.main_cf(**main)))
        return postfix.start()
    return one


class Load:
    """smtp-source with 20 sessions at once, one message each, until it is
    ended; one that was put off or refused makes it complain."""

    def __init__(self, postfix):
        self._argv = ["smtp-source", "-s", "20", "-m", "200",
                      "-f", "sender@client.example", "-t", "user@test.example",
                      "{}:{}".format(*postfix.server)]
        self._ending = threading.Event()
        self.rounds, self.complaints = 0, ""
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self):
        while not self._ending.is_set() and not self.complaints:
            done = subprocess.run(
                self._argv, capture_output=True, text=True, check=False,
                timeout=60)
            self.rounds += 1
            if done.returncode != 0 or done.stderr:
                self.complaints = done.stderr or f"exit {done.returncode}"

    def wait_for(self, more):
        goal = self.rounds + more
        wait_until(lambda: self.rounds >= goal or self.complaints, 60,
                   "the load goes on")

    def end(self):
        self._ending.set()
        self._thread.join()
        assert self.complaints == ""


def test_a_hundred_reloads_under_load(start, join):
    """HUP would end a program that leaves signals to libmilter."""
    milter = start()
    postfix = join(milter)
    pid, load = milter.process.pid, Load(postfix)
    for number in range(1, 101):
        milter.write_config(client_recipient_rate_limit=1000000 + number)
        milter.process.signal(signal.SIGHUP)
        wait_until(
            lambda: milter.metric("tollgate_reloads_total") == number, 10,
            lambda: f"reload {number}:\n{milter.process.text()}")
    load.wait_for(1)
    load.end()
    assert milter.process.is_running() and milter.process.pid == pid


def test_a_signal_is_never_libmilters(start):
    """It waits for HUP on a thread of its own, and would end the process. A
    stopped process is where the kernel may choose any thread."""
    milter = start()
    for number in range(1, 51):
        milter.process.freeze()
        milter.process.signal(signal.SIGHUP)
        milter.process.thaw()
        wait_until(
            lambda: milter.metric("tollgate_reloads_total") == number, 10,
            lambda: f"reload {number}:\n{milter.process.text()}")


def test_a_reload_takes_a_new_limit(start, join, client):
    milter = start()
    postfix = join(milter)
    with Smtp(postfix.server, client) as session:
        assert session.hello().send_message() == "250"
        milter.write_config(client_message_rate_limit=2)
        milter.process.signal(signal.SIGHUP)
        wait_until(lambda: milter.metric("tollgate_reloads_total") == 1, 5,
                   "the reload")
        assert [session.send_message() for _ in range(2)] == ["250", "450"]
        milter.write_config(client_message_rate_limit=-2)
        milter.process.signal(signal.SIGHUP)
        milter.process.wait_output("the old configuration stays")
        assert session.send_message() == "450"


def test_a_restart_under_load_puts_nothing_off(
        start, join, client, end_pid):
    """USR2: a session that was open before stays with the old process."""
    milter = start(drain_timeout="60s")
    postfix = join(milter)
    with Smtp(postfix.server, client) as session:
        session.hello()
        load = Load(postfix)
        load.wait_for(1)
        end_pid(milter.hand_over())
        load.wait_for(3)
        assert milter.process.is_running()
        assert session.send_message() == "250"
        session.quit()
    load.end()
    assert milter.process.wait_exit(10) == 0
    wait_until(milter.is_ready_now, 10, "the successor is ready")
    assert send_one(postfix.server, client) == "250"
    assert "4.7.1 Service unavailable" not in postfix.log.text()
    assert "displaced" not in milter.get("/readyz")[1]
    assert "no longer there" not in milter.process.text()


def test_restart_after_restart(start, join, client, end_pid):
    """Successors have no root any more, and the socket keeps its group."""
    milter = start()
    postfix = join(milter)
    before = os.stat(milter.socket)
    first = milter.process.pid
    pid = milter.hand_over()
    wait_until(milter.is_ready_now, 10, "the successor is ready")
    os.kill(pid, signal.SIGUSR2)
    found = wait_until(
        lambda: [int(n) for n in re.findall(r"successor (\d+) serves",
                                            milter.process.text())][1:],
        10, lambda: milter.process.text())
    end_pid(found[0])
    after = os.stat(milter.socket)
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == \
        (before.st_mode, before.st_uid, before.st_gid)
    assert set(os.listdir(milter.socket.parent)) == {
        milter.socket.name, f"{milter.socket.name}.lock"}
    assert send_one(postfix.server, client) == "250"
    assert milter.process.wait_exit(10) == 0 and first != found[0]


def test_a_restart_without_redis_is_no_displacement(start, end_pid):
    """A start waits a second for Redis; only then does its socket take its
    place."""
    milter = start(store=f"redis://127.0.0.1:{free_port()}")
    end_pid(milter.hand_over())
    wait_until(milter.is_ready_now, 10, "the successor is ready")
    assert milter.process.wait_exit(10) == 0
    assert "no longer there" not in milter.process.text()


def test_a_successor_that_cannot_start_changes_nothing(start, join, client):
    milter = start()
    postfix = join(milter)
    milter.write_config(client_message_rate_limit=-5)
    milter.process.signal(signal.SIGUSR2)
    milter.process.wait_output("ended before it served; going on")
    assert send_one(postfix.server, client) == "250"
    wait_until(milter.is_ready_now, 5, "HTTP is back")


def test_a_successor_that_fails_late_changes_nothing(
        start, join, client, place, keep):
    """Its HTTP port is taken: by then libmilter listens already."""
    milter = start()
    postfix = join(milter)
    taken = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"]))
    milter.own["http"] = f"127.0.0.1:{taken.http_port}"
    milter.write_config()
    milter.process.signal(signal.SIGUSR2)
    milter.process.wait_output("ended before it served; going on")
    assert send_one(postfix.server, client) == "250"
    assert set(os.listdir(milter.socket.parent)) == {
        milter.socket.name, f"{milter.socket.name}.lock"}


def test_term_finishes_sessions(start, join, client):
    milter = start(drain_timeout="60s")
    postfix = join(milter)
    with Smtp(postfix.server, client) as session:
        session.hello()
        milter.process.signal(signal.SIGTERM)
        wait_until(lambda: not answers(milter.socket), 5, "nobody listens")
        assert session.send_message() == "250"
        assert milter.process.is_running()
        session.quit()
    assert milter.process.wait_exit(5) == 0


def test_drain_timeout_ends_what_is_left(start, join, client):
    milter = start(drain_timeout="1s")
    postfix = join(milter)
    with Smtp(postfix.server, client) as session:
        session.hello()
        began = time.monotonic()
        milter.stop()
        assert 0.9 < time.monotonic() - began < 10 * slowness()
        # MAIL may pass, because Postfix awaits no answer to it. 3.7, 3.10:
        assert {session.mail(), session.rcpt()} & {"451", "421"}


def test_a_second_term_stops(start, join, client):
    milter = start(drain_timeout="60s")
    postfix = join(milter)
    with Smtp(postfix.server, client):
        milter.process.signal(signal.SIGTERM)
        milter.process.wait_output("stopping; open sessions have")
        milter.stop()


def test_stop_and_start_costs_what_the_manual_says(start, join, client):
    """While it is away Postfix does what milter_default_action says; nobody
    who comes afterwards is put off."""
    milter = start()
    postfix = join(milter, milter_default_action="tempfail")
    assert send_one(postfix.server, client) == "250"
    began = time.monotonic()
    milter.stop()
    assert send_one(postfix.server, client) == "451"
    milter.start()
    assert send_one(postfix.server, client) == "250"
    assert time.monotonic() - began < 10 * slowness()


def test_another_program_is_not_displaced(start, place, keep):
    milter = start()
    milter.stop()
    with subprocess.Popen(
            ["python3", "-c", "import socket,sys,time\n"
             "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])\n"
             "s.listen(); time.sleep(60)", str(milter.socket)]) as other:
        try:
            wait_until(lambda: answers(milter.socket), 10, "it listens")
            milter.process.start()
            assert milter.process.wait_exit(10) == 2
            assert f"process {other.pid} (python3) is listening there" in \
                milter.process.text()
        finally:
            other.kill()
    milter.start()


def test_a_displaced_socket_is_noticed(start):
    milter = start()
    milter.socket.rename(milter.socket.parent / "elsewhere")
    wait_until(lambda: milter.get("/readyz")[0] == 503, 5, "not ready")
    milter.process.wait_output("our socket is no longer there")
    (milter.socket.parent / "elsewhere").rename(milter.socket)
    wait_until(milter.is_ready_now, 5, "ready again")


def test_inet(place, keep, join, client):
    """Works, but is not handed over: the one before must let go first."""
    port = free_port()
    milter = keep(Milter(place / "milter", f"inet:127.0.0.1:{port}",
                         options={**OPTIONS, "client_message_rate_limit": 2}))
    postfix = join(milter)
    assert [send_one(postfix.server, client) for _ in range(3)] == \
        ["250", "250", "450"]
    milter.process.signal(signal.SIGUSR2)
    milter.process.wait_output("cannot be handed over")
    assert send_one(postfix.server, client) == "450"
    milter.stop()


def test_inet_has_no_delay(place, keep, join, client):
    """Nagle and a delayed ACK would cost 40 ms, each message."""
    milter = keep(Milter(place / "milter", f"inet:127.0.0.1:{free_port()}",
                         options=OPTIONS))
    postfix = join(milter)
    with Smtp(postfix.server, client) as session:
        session.hello().send_message()
        took = []
        for _ in range(20):
            began = time.monotonic()
            assert session.send_message() == "250"
            took.append(time.monotonic() - began)
        assert min(took) < 0.04


def test_without_root_and_group_it_is_open_to_all(place, keep):
    """And says so; there are containers that have neither."""
    milter = keep(Milter(place / "milter", options=OPTIONS))
    milter.stop()
    place.chmod(0o777)
    (place / "milter").chmod(0o777)
    (place / "other").mkdir()
    (place / "other").chmod(0o777)
    milter.own["listen"] = f"unix:{place}/other/milter"
    milter.write_config()
    milter.process.argv = ["setpriv", "--reuid=65534", "--regid=65534",
                           "--clear-groups", *milter.process.argv]
    milter.start()
    assert os.stat(place / "other/milter").st_mode & 0o777 == 0o666
    assert "open to all" in milter.process.text()
