"""What a service manager hears: that the loop turns, and whose loop it is."""
import socket
import struct
import time

from harness.policyd import Policyd
from harness.wait import wait_until

WATCHDOG_MS = 300
SCM_CREDENTIALS = 2
# As systemd does it: the watchdog is for the process that it starts itself.
AS_MANAGER = ["sh", "-c", 'export WATCHDOG_PID=$$; exec "$@"', "manager"]


class Manager:
    """NOTIFY_SOCKET's other end."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(str(path))
        path.chmod(0o777)

    def wait_for(self, text, pid=None, timeout=10):
        """The next such message; the sender's pid."""
        deadline = time.monotonic() + timeout
        while True:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            data, ancillary, _, _ = self._socket.recvmsg(512, 256)
            [(_, kind, credentials)] = ancillary
            assert kind == SCM_CREDENTIALS
            sender = struct.unpack("3i", credentials)[0]
            if data.decode() == text and pid in (None, sender):
                return sender

    def forget(self):
        """What has come until now."""
        self._socket.settimeout(0)
        try:
            while True:
                self._socket.recv(512)
        except BlockingIOError:
            pass

    def is_silent(self):
        try:
            self._socket.settimeout(0)
            self._socket.recv(512)
            return False
        except BlockingIOError:
            return True

    def close(self):
        self._socket.close()


def start_watched(place, keep, watchdog):
    manager = keep(Manager(place / "notify"))
    environment = [f"NOTIFY_SOCKET={place}/notify"]
    if watchdog:
        environment.append(f"WATCHDOG_USEC={WATCHDOG_MS * 1000}")
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        before=["env", *environment, *AS_MANAGER]))
    manager.wait_for("READY=1", policyd.process.pid)
    return manager, policyd


def test_a_loop_that_turns_reports_and_a_hung_one_does_not(place, keep):
    place.chmod(0o777)
    manager, policyd = start_watched(place, keep, True)
    for _ in range(3):
        manager.wait_for("WATCHDOG=1", policyd.process.pid)
    policyd.process.freeze()
    wait_until(lambda: "\nState:\tT" in
               open(f"/proc/{policyd.process.pid}/status").read(), 5, "frozen")
    manager.forget()
    time.sleep(2 * WATCHDOG_MS / 1000)  # the absence of a message is the test
    assert manager.is_silent()
    policyd.process.thaw()
    manager.wait_for("WATCHDOG=1", policyd.process.pid)


def test_the_successor_reports_in_its_predecessors_place(place, keep, end_pid):
    place.chmod(0o777)
    manager, policyd = start_watched(place, keep, True)
    old = policyd.process.pid
    keep(open_policy(place))  # so that the old one stays
    successor = policyd.hand_over()
    end_pid(successor)
    manager.wait_for(f"MAINPID={successor}", old)
    senders = {manager.wait_for("WATCHDOG=1") for _ in range(6)}
    assert senders == {successor}
    assert policyd.process.is_running()


def open_policy(place):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(place / "policy"))
    connection.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\n")
    return connection


def test_nobody_is_told_who_does_not_ask(place, keep):
    place.chmod(0o777)
    manager, policyd = start_watched(place, keep, False)
    manager.forget()
    time.sleep(2 * WATCHDOG_MS / 1000)
    assert manager.is_silent()
