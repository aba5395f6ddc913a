"""Who has Postfix's anvil socket: policyd waits for its directory, replaces a
dead one, never takes a living stranger's, and says so when it loses its own.
"""
import os
import signal
import stat
import sys

import pytest

from harness.policyd import Policyd, answers
from harness.ports import free_port
from harness.postfix import STOCK_ANVIL, Postfix
from harness.process import Process
from harness.site import REPORTING
from harness.smtp import Smtp
from harness.wait import stays_true, wait_until

DISABLED = {"master_service_disable": "anvil/unix"}

STRANGER = """
import socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print("listening", flush=True)
while True:
    listening.accept()[0].close()
"""


@pytest.fixture
def postfix(place, keep):
    """Not started; its anvil is ours to give."""
    return keep(Postfix(
        place / "postfix", port=free_port(), anvil=STOCK_ANVIL,
        main={**REPORTING["main"], **DISABLED}))


@pytest.fixture
def policyd(place, keep, postfix):
    def start(name="policyd", **more):
        return keep(Policyd(
            place / name, [f"anvil:unix:{postfix.anvil_socket}"], **more))
    return start


def is_limited(postfix, client):
    sessions = [Smtp(postfix.server, client) for _ in range(4)]
    greetings = [session.greeting for session in sessions]
    for session in sessions:
        session.close()
    return greetings == ["220", "220", "220", "421"]


def test_waits_for_postfix_to_make_its_directory(postfix, policyd, client):
    early = policyd(wait=False)
    early.process.wait_output("waiting for Postfix to make it")
    assert not (postfix.queue / "private").exists()
    postfix.start()
    early.wait_ready()
    assert (postfix.queue / "private").owner() == "postfix"
    assert is_limited(postfix, client)


def test_only_term_ends_the_waiting(policyd):
    """A reload that comes too early is not the end."""
    early = policyd(wait=False)
    early.process.wait_output("waiting for Postfix to make it")
    early.process.signal(signal.SIGHUP)
    early.process.signal(signal.SIGUSR2)
    assert early.process.terminate(5) == 0
    early.process.wait_output("stopped while waiting")


def test_sockets_have_their_mode_and_owners(place, keep, postfix):
    postfix.start()
    policy = place / "policy"
    keep(Policyd(
        place / "policyd",
        [f"anvil:unix:{postfix.anvil_socket}", f"policy:unix:{policy}"],
        policyd={"socket_mode": "0660", "socket_group": "mail"}))
    for path in postfix.anvil_socket, policy:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert policy.group() == "mail"
    # smtpd itself comes to this one, whatever the group of the others is.
    assert postfix.anvil_socket.owner() == "postfix"
    assert [path.name for path in postfix.anvil_socket.parent.glob("anvil*")] \
        == ["anvil"]


def test_replaces_the_socket_of_a_killed_predecessor(
        postfix, policyd, client):
    postfix.start()
    daemon = policyd()
    daemon.kill()
    assert postfix.anvil_socket.exists()
    assert not answers(postfix.anvil_socket)
    daemon.start()
    assert is_limited(postfix, client)


def test_takes_over_from_a_living_predecessor(postfix, policyd, client):
    postfix.start()
    old = policyd("old")
    new = policyd("new")
    assert is_limited(postfix, client)
    wait_until(lambda: old.get("/readyz")[0] == 503, 3,
               "the old one knows that it was displaced")
    assert new.is_ready()
    old.stop()
    assert answers(postfix.anvil_socket)


def test_leaves_a_living_stranger_alone(place, keep, postfix, policyd):
    postfix.start()
    stranger = keep(Process(
        [sys.executable, "-c", STRANGER, postfix.anvil_socket],
        place / "stranger.log"))
    stranger.wait_output("listening")
    refused = policyd(wait=False)
    assert refused.process.wait_exit() == 2
    text = refused.process.text()
    assert f"process {stranger.pid} (python3) is listening there" in text
    assert "master_service_disable = anvil/unix" in text
    assert answers(postfix.anvil_socket)


def test_names_master_where_postfix_serves_it_itself(
        place, keep, policyd, postfix):
    postfix.start()
    postfix.postconf("-X", "master_service_disable")
    postfix.restart()
    refused = policyd(wait=False)
    assert refused.process.wait_exit() == 2
    assert f"process {postfix.master_pid()} (master) is listening there" \
        in refused.process.text()


def test_refuses_what_is_not_a_socket(postfix, policyd):
    postfix.start()
    postfix.anvil_socket.write_text("precious")
    refused = policyd(wait=False)
    assert refused.process.wait_exit() == 2
    assert "is not a socket" in refused.process.text()
    assert postfix.anvil_socket.read_text() == "precious"


def test_says_when_postfix_takes_the_socket_back(postfix, policyd, client):
    postfix.start()
    daemon = policyd()
    with Smtp(postfix.server, client) as session:
        session.hello()
        assert [session.send_message() for _ in range(5)] == ["250"] * 5
        postfix.postconf("-X", "master_service_disable")
        postfix.reload()
        wait_until(lambda: daemon.get("/readyz")[0] == 503, 3,
                   lambda: f"not ready:\n{daemon.process.text()}")
        assert daemon.metric("tollgate_listeners_displaced") == 1
        assert "our socket is no longer there" in daemon.process.text()
        # A session that has us goes on with us.
        assert session.send_message() == "450"


def test_a_successor_without_privileges_knows_its_socket(
        postfix, policyd, client, end_pid):
    """It may not look into private/, which the first one opened as root."""
    postfix.start()
    daemon = policyd()
    with Smtp(postfix.server, client) as session:
        session.hello()
        assert [session.send_message() for _ in range(3)] == ["250"] * 3
        session.quit()
    successor = daemon.hand_over()
    end_pid(successor)
    assert daemon.process.wait_exit() == 0
    assert os.stat(f"/proc/{successor}").st_uid != 0
    wait_until(daemon.is_ready_now, 10, "the successor is ready")
    stays_true(daemon.is_ready_now, 2.5,
               "it does not think that it was displaced")
    assert is_limited(postfix, client)
    postfix.anvil_socket.unlink()
    wait_until(lambda: daemon.get("/readyz")[0] == 503, 3,
               "it sees that its socket has gone")
