"""The control socket itself: who may do what, and what no peer can do."""
import socket
import time

import pytest

from harness.attributes import Policy
from harness.control import Control, asked, tollgatectl
from harness.policyd import Policyd

# The tests' daemons run as nobody, who may change things: it is their user.
ADMIN, MEMBER, STRANGER = 21001, 21002, 21003
ADMINS_GROUP = 21000
LINE_MAX = 64 * 1024


@pytest.fixture(scope="module")
def policyd(places, keeps):
    places.chmod(0o777)
    return keeps(Policyd(
        places / "policyd", [f"policy:unix:{places}/policy"], options={
            "control_mode": "0666",
            "control_admins": [str(ADMIN), f"@{ADMINS_GROUP}"]}))


def as_user(uid, *groups):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}",
            f"--groups={','.join(map(str, groups))}" if groups
            else "--clear-groups"]


@pytest.mark.parametrize("user, may", [
    ([], True),
    (as_user(65534), True),
    (as_user(ADMIN), True),
    (as_user(MEMBER, ADMINS_GROUP), True),
    (as_user(MEMBER, 7, 8, ADMINS_GROUP), True),
    (as_user(STRANGER), False),
    (as_user(STRANGER, ADMIN), False),
    (as_user(ADMINS_GROUP + 7, 0), False),
], ids=["root", "daemon", "admin", "member", "member-of-many", "stranger",
        "group-called-as-admin", "group-root"])
def test_who_may_change(policyd, user, may):
    done = tollgatectl("status", sockets=[policyd], before=user)
    assert done.returncode == 0, done.stderr
    done = tollgatectl("reload", sockets=[policyd], before=user)
    assert done.returncode == (0 if may else 1)
    assert ("not permitted" in done.stderr) == (not may)


def test_the_mode_decides_who_may_read(place, keep):
    place.chmod(0o755)
    daemon = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        options={"control_mode": "0600", "control_group": "nogroup"}))
    assert tollgatectl("status", sockets=[daemon],
                       before=as_user(65534)).returncode == 0
    done = tollgatectl("status", sockets=[daemon], before=as_user(STRANGER))
    assert done.returncode == 3
    assert "Permission denied" in done.stderr


def test_a_reload_changes_the_admins(place, keep):
    daemon = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        options={"control_mode": "0666"}))
    user = as_user(ADMIN)
    assert tollgatectl("reload", sockets=[daemon],
                       before=user).returncode == 1
    daemon.write_config(control_admins=[str(ADMIN), "no-such-user"])
    assert tollgatectl("reload", sockets=[daemon]).returncode == 0
    assert "no-such-user" in daemon.process.text()
    daemon.write_config(control_admins=[])
    assert tollgatectl("reload", sockets=[daemon],
                       before=user).returncode == 0
    assert tollgatectl("reload", sockets=[daemon],
                       before=user).returncode == 1


def test_every_change_is_logged_with_who_made_it(policyd):
    tollgatectl("reset", "203.0.113.77", sockets=[policyd],
                before=as_user(STRANGER))
    line = next(line for line in policyd.process.text().splitlines()
                if "203.0.113.77" in line)
    assert " control command=reset " in line
    assert f" uid={STRANGER} " in line and "not permitted" in line


def test_lines_that_are_no_requests(policyd):
    with Control(policyd) as peer:
        for line in (b"", b"x", b"[]", b"{}", b"\xff\x00", b'{"command":1}',
                     b'{"command":"status","more":1}', b"[" * 60000):
            peer.send(line + b"\n")
            answer = peer.read()
            assert (answer["ok"], answer["code"]) == (False, "usage")
        assert peer.ask("no such")["code"] == "unknown"
        assert peer.ask("status", what="x")["code"] == "usage"
        assert peer.ask("status")["ok"]


def test_a_line_that_never_ends(policyd):
    with Control(policyd) as peer:
        peer.send(b" " * (LINE_MAX - 20) + b'{"command":"status"}\n')
        assert peer.read()["ok"]
        try:
            peer.send(b"x" * (4 * LINE_MAX))
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = peer.read()
        assert answer is None or "64 KiB" in answer["error"]
        assert answer is None or peer.read() is None


def test_one_byte_after_the_other(policyd):
    with Control(policyd) as peer:
        for byte in b'{"command":"status"}\r\n':
            peer.send(bytes([byte]))
        assert peer.read()["ok"]


def test_many_requests_at_once_are_answered_in_order(policyd):
    with Control(policyd) as peer:
        peer.send(b'{"command":"status"}\n{"command":"x"}\n' * 500)
        assert [peer.read()["ok"] for _ in range(1000)] == [True, False] * 500


def test_who_says_no_more_still_hears_the_answer(policyd):
    """As with printf '...' | nc -U."""
    with Control(policyd) as peer:
        peer.send(b'{"command":"status"}\n{"command":"peers"}\n{"comm')
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.read()["ok"] and peer.read()["ok"]
        assert peer.read() is None


def test_who_does_not_read_costs_a_bounded_amount(policyd, is_sanitized):
    with Control(policyd) as peer:
        before = policyd.process.resident_kib()
        peer.socket.setblocking(False)
        sent = 0
        deadline = time.monotonic() + 10
        try:
            while time.monotonic() < deadline:
                sent += peer.socket.send(b'{"command":"config show"}\n' * 100)
        except BlockingIOError:
            pass  # it reads no more
        assert sent < 4 << 20
        assert asked(policyd, "status")["phase"] == "serving"
        assert is_sanitized or \
            policyd.process.resident_kib() - before < 4096


def test_many_connections_leave_room_for_one_more(policyd):
    peers = [Control(policyd) for _ in range(200)]
    assert asked(policyd, "status")["phase"] == "serving"
    # The longest idle ones have gone.
    assert peers[0].read() is None
    for peer in peers:
        peer.close()


def test_mail_goes_on_meanwhile(policyd, places):
    noise = [Control(policyd) for _ in range(32)]
    for peer in noise:
        peer.send(b'{"command":"config show"}\n' * 50)
    with Policy(places / "policy") as smtpd:
        for number in range(20):
            assert smtpd.rcpt(f"203.0.113.{number}") == "DUNNO"
    for peer in noise:
        peer.close()


def test_it_is_there_again_after_a_restart(place, keep, end_pid):
    """The socket is inherited: nobody finds it closed."""
    daemon = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"]))
    inode = daemon.control.stat().st_ino
    with Control(daemon) as peer:
        answer = peer.ask("restart")
        assert answer["ok"], answer
    end_pid(answer["result"]["successor"])
    assert asked(daemon, "status")["pid"] == answer["result"]["successor"]
    assert daemon.process.wait_exit(10) == 0
    assert daemon.control.stat().st_ino == inode
    assert asked(daemon, "status")["phase"] == "serving"


def test_without_a_socket(place, keep):
    daemon = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"],
                          policyd={"control": ""}))
    assert not daemon.control.exists()
    done = tollgatectl("status", sockets=[daemon])
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize("folder, is_made", [
    ("tollgate-control", True), ("somebody-elses", False)])
def test_its_folder_is_missing(place, keep, folder, is_made):
    """Mail does not wait for it."""
    path = place / folder / "sock"
    daemon = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"],
                          policyd={"control": path}))
    assert path.exists() == is_made
    assert ("there is no control socket" in daemon.process.text()) != is_made
    assert tollgatectl("status", sockets=[path]).returncode == \
        (0 if is_made else 3)


def test_a_daemon_that_hangs(place, keep):
    """An answer that comes late is no error."""
    daemon = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"]))
    daemon.process.freeze()
    with Control(daemon) as peer:
        peer.send(b'{"command":"status"}\n')
        daemon.process.thaw()
        assert peer.read()["ok"]


def test_nobody_waits_in_a_full_queue(place):
    path = place / "sock"
    with socket.socket(socket.AF_UNIX) as hung, \
            socket.socket(socket.AF_UNIX) as waiting:
        hung.bind(str(path))
        hung.listen(0)
        waiting.connect(str(path))
        done = tollgatectl("status", sockets=[path], timeout=20)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{path}: does not answer" in done.stderr


def test_a_daemon_that_is_gone(place, keep):
    """Its socket may be there yet."""
    daemon = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"]))
    daemon.kill()
    done = tollgatectl("status", sockets=[daemon])
    assert (done.returncode, done.stdout) == (3, "")
    assert "Connection refused" in done.stderr
    assert "no daemon answers" in done.stderr
