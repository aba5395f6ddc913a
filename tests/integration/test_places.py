"""Places that strangers can hold: who needs one gets one all the same."""
import contextlib
import select
import socket
import threading

import pytest

from harness.policyd import Milter, Policyd

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
