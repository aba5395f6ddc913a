"""Who has Postfix's anvil socket: policyd waits for its directory, replaces a
dead one, never takes a living stranger's, and says so when it loses its own.
"""
import grp
import os
import signal
import stat
import sys

import pytest

from harness.policyd import Milter, Policyd, answers
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


# What docker/compose leaves to root: no CAP_DAC_OVERRIDE.
AS_IN_A_CONTAINER = ["setpriv", "--bounding-set",
                     "-all,+chown,+setgid,+setuid,+sys_ptrace"]

# Executes a daemon as systemd does, with a socket whose file has gone.
LEND = """
import os, socket, sys
path, left, *command = sys.argv[1:]
lent = socket.socket(socket.AF_UNIX)
lent.bind(path)
lent.listen()
os.unlink(path)
if left == "a dead socket":
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
os.dup2(lent.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(command[0], command)
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
    assert {path.name for path in postfix.anvil_socket.parent.glob("anvil*")} \
        == {"anvil", "anvil.lock"}


@pytest.mark.parametrize("others,group", [
    (["postfix"], "postfix"), ([], "nogroup")], ids=["member", "stranger"])
def test_who_is_not_root_gives_what_groups_it_has(place, keep, others, group):
    """As a container with runAsUser and supplementalGroups."""
    number = {it: grp.getgrnam(it).gr_gid for it in (*others, "nogroup")}
    groups = [f"--groups={','.join(str(number[it]) for it in others)}"] \
        if others else ["--clear-groups"]
    place.chmod(0o777)
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        policyd={"control": place / "control"}, before=[
            "setpriv", "--reuid=65534", f"--regid={number['nogroup']}",
            *groups]))
    found = (place / "policy").stat()
    assert grp.getgrgid(found.st_gid).gr_name == group
    assert stat.S_IMODE(found.st_mode) == 0o666
    policyd.stop()


def test_replaces_the_socket_of_a_killed_predecessor(
        postfix, policyd, client):
    postfix.start()
    daemon = policyd()
    daemon.kill()
    assert postfix.anvil_socket.exists()
    assert not answers(postfix.anvil_socket)
    daemon.start()
    assert is_limited(postfix, client)


def test_leaves_a_living_daemon_alone(postfix, policyd, client):
    """A second start by hand: exit 2, and the first one notices nothing."""
    postfix.start()
    first = policyd("first")
    second = policyd("second", wait=False)
    assert second.process.wait_exit() == 2
    assert f"process {first.process.pid} (tollgate-policy) serves here; " \
        "\"tollgatectl restart\" replaces it" in second.process.text()
    assert is_limited(postfix, client)
    assert first.is_ready()


@pytest.mark.parametrize("kind", ["policyd", "milter"])
def test_a_killed_daemon_starts_again_with_few_capabilities(
        place, keep, kind):
    """Root without CAP_DAC_OVERRIDE may not connect to its user's socket."""
    place.chmod(0o755)
    sockets = place / "tollgate-sockets"
    sockets.mkdir()
    names = ["milter"] if kind == "milter" else ["policy", "anvil", "sni"]
    daemon = keep(
        Milter(place / kind, f"unix:{sockets}/milter",
               before=AS_IN_A_CONTAINER) if kind == "milter" else
        Policyd(place / kind, [f"{name}:unix:{sockets}/{name}"
                               for name in names],
                policyd={"socket_mode": "0600"}, before=AS_IN_A_CONTAINER))
    paths = [*(sockets / name for name in names), daemon.control]
    for _ in range(2):
        daemon.kill()
        assert [answers(path) for path in paths] == [False] * len(paths)
        daemon.start()
        assert [answers(path) for path in paths] == [True] * len(paths)


@pytest.mark.parametrize("left", ["nothing", "a dead socket"])
def test_a_start_mends_what_systemd_has_lost(place, keep, left):
    """The file of a socket unit's socket is no longer there: systemd lends a
    socket that nothing can reach."""
    path = place / "policy"
    daemon = keep(Policyd(
        place / "policyd", [f"policy:unix:{path}"],
        before=[sys.executable, "-c", LEND, path, left]))
    assert answers(path)
    assert "systemd's socket was no longer at its path" \
        in daemon.process.text()


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
