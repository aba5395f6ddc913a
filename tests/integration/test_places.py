"""Places that strangers can hold: who needs one gets one all the same."""
import contextlib
import json
import select
import socket
import threading

import pytest

from harness.control import Control, tollgatectl
from harness.policyd import Milter, Policyd
from harness.redis_server import RedisServer
from harness.wait import wait_until

VISITORS = 160  # 64 places


@contextlib.contextmanager
def besieged(port, say):
    """Connections that come again as soon as they have been closed."""
    stop = threading.Event()

    def come():
        poll = select.poll()
        peers = {}
        while not stop.is_set():
            while len(peers) < VISITORS:
                peer = socket.create_connection(("127.0.0.1", port), 10)
                with contextlib.suppress(OSError):
                    peer.sendall(say)
                peers[peer.fileno()] = peer
                poll.register(peer, select.POLLRDHUP)
            for number, _ in poll.poll(100):
                poll.unregister(number)
                peers.pop(number).close()
        for peer in peers.values():
            peer.close()

    thread = threading.Thread(target=come)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("say", [
    b"", b"GET /rea", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"],
    ids=["silent", "half a request", "who stays after the answer"])
@pytest.mark.parametrize("kind", [Policyd, Milter])
def test_strangers_do_not_keep_a_probe_out(place, keep, kind, say):
    place.chmod(0o755)
    face = [f"policy:unix:{place}/policy"] if kind is Policyd else None
    daemon = keep(kind(place / "daemon", face))
    # Python may sleep between connect and send; the next probe is in time.
    with besieged(daemon.http_port, say):
        for _ in range(20):
            assert 200 in (daemon.get("/readyz")[0] for _ in range(5))


EDICTS_MAX = 10000


@pytest.fixture(params=["memory", "redis"])
def banning(request, place, keep):
    options = {}
    if request.param == "redis":
        options["store"] = keep(RedisServer(place / "redis")).url
    place.chmod(0o755)
    daemon = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"],
                          options=options))
    if request.param == "redis":
        wait_until(daemon.has_store, 10, "Redis is there")
    return daemon


def test_programs_do_not_keep_people_from_banning(banning):
    """The table is full of what fail2ban has banned."""
    with Control(banning, timeout=60) as root:
        assert root.ask("ban", net="10.0.0.0/16", duration="1m")["ok"]
        lines = b"".join(
            json.dumps({"command": "ban", "arguments": {
                "net": f"198.{18 + number // 65536}.{number // 256 % 256}."
                       f"{number % 256}",
                "duration": f"{3600 + number}s", "automatic": True}})
            .encode() + b"\n" for number in range(EDICTS_MAX))
        thread = threading.Thread(target=root.socket.sendall, args=(lines,))
        thread.start()
        assert all(root.read()["ok"] for _ in range(EDICTS_MAX))
        thread.join()
        assert root.ask("ban", net="203.0.113.66", duration="1h")["ok"]
        keys = {ban["key"] for ban in root.ask("bans")["result"]["bans"]}
    assert {"10.0.0.0/16", "203.0.113.66/32"} <= keys
    assert len(keys) == EDICTS_MAX
    # Those that would have ended first have gone.
    assert not {"198.18.0.0/32", "198.18.0.1/32"} & keys


def test_a_program_leaves_the_ban_of_a_person(banning):
    with Control(banning) as root:
        assert root.ask("ban", net="203.0.113.5", duration="30d")["ok"]
        assert root.ask("ban", net="203.0.113.5", duration="1m",
                        automatic=True)["ok"]
        root.ask("unban", net="203.0.113.5", automatic=True)
        bans = root.ask("bans")["result"]["bans"]
    assert [ban["seconds"] > 86400 for ban in bans] == [True]


def test_a_program_bans_the_network_that_is_counted(banning):
    done = tollgatectl("ban", "--automatic", "2001:db8:1:2::5", "1h",
                       "fail2ban", sockets=[banning])
    assert done.returncode == 0, done.stderr
    with Control(banning) as root:
        bans = root.ask("bans")["result"]["bans"]
    assert [ban["key"] for ban in bans] == ["2001:db8:1:2::/64"]
