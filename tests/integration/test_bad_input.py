"""What breaks the protocol costs its sender the connection, and a line in the
log; nobody else notices, and nothing grows."""
import os
import resource
import time

import pytest

from harness.attributes import Anvil, Policy
from harness.policyd import Policyd
from harness.wait import slowness, wait_until

REQUEST = b"request=smtpd_access_policy\nprotocol_state=RCPT\n"

# What is sent, and what the log says of it.
MALFORMED = {
    "line-without-equals": (b"nonsense\n\n", "line without"),
    "two-requests-in-one-write": (
        (REQUEST + b"client_address=203.0.113.1\ninstance=1.2\n\n") * 2,
        "before the answer"),
    "nul": (REQUEST + b"sender=a\0b\n\n", "NUL"),
    "a-line-of-1-MB": (b"x=" + b"y" * (1 << 20) + b"\n\n", "line too long"),
    "an-endless-line": (b"z" * (1 << 20), "line too long"),
    "100000-attributes": (
        REQUEST + b"".join(b"a%d=1\n" % n for n in range(100000)) + b"\n",
        "request too long"),
    "another-protocol": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "line without"),
    "no-request": (b"protocol_state=RCPT\n\n", "request"),
    "control-bytes": (b"\x01\x02\x1b[2J\n\n", "line without"),
}


def send(connection, data):
    """All of it, or as much as policyd takes before it closes."""
    try:
        connection.socket.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("face", [Policy, Anvil])
def test_malformed_requests(start, place, face, case):
    data, reason = MALFORMED[case]
    policyd = start(client_limits_at="policy", client_message_rate_limit=100)
    with Policy(place / "policy") as other, Anvil(place / "anvil") as smtpd, \
            face(place / face.__name__.lower()) as bad:
        assert other.rcpt("198.51.100.1") == "DUNNO"
        send(bad, data)
        # What is still on its way when a connection closes makes it a RST.
        assert bad.read_reply() in \
            (None, {"status": "-1"} if face is Anvil else None)
        assert other.rcpt("198.51.100.1") == "DUNNO"
        assert smtpd.event("connect", "198.51.100.1")["count"] == 1
        lines = [line for line in policyd.process.text().splitlines()
                 if "malformed" in line]
        assert len(lines) == 1, lines
        assert f"pid={os.getpid()}" in lines[0]
        assert reason in lines[0]
        assert lines[0].isprintable()
        assert policyd.metric("tollgate_malformed_requests_total") == 1


def test_values_that_are_not_utf8_are_no_error(start, place):
    start(client_limits_at="policy", client_message_rate_limit=1)
    with Policy(place / "policy") as smtpd:
        for last in (b"DUNNO", b"450 4.7.1"):
            send(smtpd, REQUEST + b"client_address=203.0.113.9\n"
                 b"instance=" + os.urandom(4).hex().encode() + b"\n"
                 b"sender=\xff\xfe\xc3(@client.example\n\n")
            reply = smtpd.socket.recv(1000)
            assert reply.startswith(b"action=" + last)
            assert reply.decode("ascii").isascii()


def test_half_a_request_that_ends_says_nothing_and_harms_nobody(start, place):
    start()
    with Policy(place / "policy") as other:
        with Policy(place / "policy") as bad:
            send(bad, REQUEST + b"client_addr")
        assert other.rcpt("198.51.100.2") == "DUNNO"


def test_a_request_may_come_byte_by_byte(start, place):
    start(client_limits_at="policy", client_message_rate_limit=100)
    with Policy(place / "policy") as slow:
        for byte in REQUEST + b"client_address=203.0.113.3\ninstance=7.1\n\n":
            send(slow, bytes([byte]))
        assert slow.read_reply() == {"action": "DUNNO"}


def test_a_slow_drip_ends_after_ten_seconds(start, place):
    policyd = start()
    with Policy(place / "policy", timeout=30) as slow, \
            Policy(place / "policy") as other:
        started = time.monotonic()
        send(slow, REQUEST)
        assert slow.read_reply() is None
        assert 9 < time.monotonic() - started < 20 * slowness()
        policyd.process.wait_output("request too slow")
        # Who has sent nothing is between two requests, and may stay.
        assert other.rcpt("198.51.100.3") == "DUNNO"


def test_no_descriptors_left(place, keep):
    """EMFILE: those who are in are served, the rest come in later."""
    listen = [f"policy:unix:{place}/policy"]
    place.chmod(0o777)
    policyd = keep(Policyd(place / "policyd", listen))
    policyd.stop()
    # The hard limit too: it raises the soft one by itself.
    policyd.process.argv = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh",
                            *policyd.process.argv]
    policyd.start()
    first = keep(Policy(place / "policy"))
    assert first.rcpt("198.51.100.4") == "DUNNO"
    crowd = [Policy(place / "policy") for _ in range(100)]
    policyd.process.wait_output("Too many open files")
    used = policyd.process.cpu_seconds()
    assert first.rcpt("198.51.100.4") == "DUNNO"
    time.sleep(1)  # a span to measure in, not something to wait for
    assert policyd.process.cpu_seconds() - used < 0.3  # it does not spin
    for smtpd in crowd[:90]:
        smtpd.close()
    for smtpd in crowd[90:]:
        assert smtpd.rcpt("198.51.100.4") == "DUNNO"
        smtpd.close()


def test_memory_is_flat(start, place, monkeypatch):
    # A sanitizer keeps what was freed for a while: not what is measured here.
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=0:"
                       "thread_local_quarantine_size_kb=0")
    policyd = start(client_limits_at="policy", client_message_rate_limit=100)

    def abuse(times):
        for _ in range(times):
            for data, _ in MALFORMED.values():
                with Policy(place / "policy") as bad:
                    send(bad, data)
                    assert bad.read_reply() is None
    abuse(5)
    before = policyd.process.resident_kib()
    abuse(50)
    assert policyd.process.resident_kib() - before < 512


def test_thousands_of_connections(start, place, keep):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        # The daemon raises its soft limit by itself.
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        policyd = start(client_limits_at="policy",
                        client_message_rate_limit=1000000)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        before = policyd.process.resident_kib()
        crowd = [Policy(place / "policy") for _ in range(4000)]
        for smtpd in crowd:
            assert smtpd.rcpt("198.51.100.5") == "DUNNO"
        wait_until(lambda: policyd.metric("tollgate_connections") == 4000, 5,
                   "all are connected")
        assert (policyd.process.resident_kib() - before) / 4000 < 16
        for smtpd in crowd:
            smtpd.close()
        wait_until(lambda: policyd.metric("tollgate_connections") == 0, 5,
                   "all have gone")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
