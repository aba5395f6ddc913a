"""A daemon that is the first process of a container: a restart keeps its pid,
and what kills it leaves a container that starts again."""
import os
import signal
import socket
import threading

import pytest

from harness.policyd import Milter, Policyd, answers
from harness.process import OWN_PIDS, has_ended
from harness.wait import wait_until

FIRST = [*OWN_PIDS, "--mount-proc"]
REQUEST = (b"request=smtpd_access_policy\nprotocol_state=RCPT\n"
           b"client_address=198.51.100.7\nrecipient=a@example.com\n\n")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def first_of(daemon):
    """unshare(1) is its parent."""
    return wait_until(lambda: children(daemon.process.pid), 5, "it runs")[0]


@pytest.fixture(params=["policyd", "milter"])
def daemon(request, place, keep):
    place.chmod(0o755)
    sockets = place / "tollgate"
    sockets.mkdir()
    if request.param == "policyd":
        it = Policyd(place / "policyd", [f"policy:unix:{sockets}/policyd"],
                     before=FIRST)
    else:
        it = Milter(place / "milter", f"unix:{sockets}/milter", before=FIRST)
    it.path = sockets / request.param
    return keep(it)


def hand_over(daemon, pid, times):
    before = children(pid)
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: daemon.process.text().count(
        "finishing open sessions") == times, 20,
        lambda: daemon.process.text())
    # A new one alone: what was between has ended.
    wait_until(lambda: children(pid) != before and len(children(pid)) == 1,
               20, lambda: f"{children(pid)}, was {before}")


def test_a_restart_keeps_the_first_process(daemon):
    first = first_of(daemon)
    for times in 1, 2, 3:
        hand_over(daemon, first, times)
        assert answers(daemon.path) and daemon.is_ready()
    os.kill(first, signal.SIGHUP)
    daemon.process.wait_output("reload: configuration")
    os.kill(first, signal.SIGTERM)
    assert daemon.process.wait_exit() == 0
    assert daemon.process.text().count("stopped") >= 4


def test_a_kill_after_a_restart_leaves_what_starts_again(daemon):
    first = first_of(daemon)
    hand_over(daemon, first, 1)
    daemon.kill()
    wait_until(lambda: has_ended(first), 5, "it is dead")
    daemon.start()
    assert answers(daemon.path)
    # The one that serves dies: so does the container, with a failure.
    first = first_of(daemon)
    hand_over(daemon, first, 2)
    os.kill(children(first)[0], signal.SIGKILL)
    assert daemon.process.wait_exit() != 0
    daemon.start()
    assert answers(daemon.path)


def test_orphans_are_reaped(daemon):
    first = first_of(daemon)
    for times in 0, 1:
        if times == 1:
            hand_over(daemon, first, times)
        before = len(children(first))
        assert os.system(f"nsenter -t {first} -p -m sh -c "
                         "'(sleep 0.1 & sleep 0.1 &) '") == 0
        wait_until(lambda before=before: len(children(first)) == before, 5,
                   "the orphans have gone")


class Asker(threading.Thread):
    """Asks on and on; a connection that the daemon has closed between two
    requests is made anew, as Postfix does."""

    def __init__(self, path):
        super().__init__()
        self.path, self.is_over, self.count, self.failed = path, False, 0, []

    def run(self):
        while not self.is_over:
            try:
                with socket.socket(socket.AF_UNIX) as it:
                    it.settimeout(20)
                    it.connect(str(self.path))
                    it.sendall(REQUEST)
                    if not it.recv(1000).startswith(b"action="):
                        self.failed.append("no answer")
                self.count += 1
            except OSError as problem:
                self.failed.append(str(problem))


def test_no_request_is_lost(place, keep):
    place.chmod(0o755)
    policy = place / "policy"
    daemon = keep(Policyd(place / "policyd", [f"policy:unix:{policy}"],
                          before=FIRST))
    first = first_of(daemon)
    askers = [Asker(policy) for _ in range(20)]
    for asker in askers:
        asker.start()
    try:
        for times in 1, 2, 3:
            reached = [asker.count + 5 for asker in askers]
            hand_over(daemon, first, times)
            wait_until(lambda reached=reached: all(
                asker.count >= least
                for asker, least in zip(askers, reached)), 30, "all go on")
    finally:
        for asker in askers:
            asker.is_over = True
        for asker in askers:
            asker.join()
    assert [asker.failed for asker in askers] == [[]] * 20
