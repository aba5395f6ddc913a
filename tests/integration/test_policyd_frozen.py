"""policyd hangs: one that is late is waited for, and one that does not come
back opens nothing. Postfix's own ipc_timeout is the least that doctor takes."""
import concurrent.futures
import select
import shutil
import socket

import pytest

from harness.policyd import ANVIL_PASS, Policyd
from harness.ports import free_port
from harness.postfix import Postfix, pass_through
from harness.smtp import Smtp, send_one
from harness.wait import PATIENT

PROXY, STRANGER = "127.0.60.1", "127.0.66.1"
HELPER_WAITS = 10
HEADER = b"PROXY TCP4 198.51.100.7 192.0.2.25 33333 25\r\n"
DIALOG = (b"EHLO x\r\nMAIL FROM:<forged@evil.example>\r\n"
          b"RCPT TO:<user@test.example>\r\nDATA\r\n")
# As soon as smtpd would listen.
PAUSES = (b"220 ", b"354 ")


class Host:
    """Its only face is anvil, at a port with PROXY protocol and at one
    without."""

    def __init__(self, place, keep):
        place.chmod(0o755)
        self.port, plain = free_port(), free_port()
        helper = shutil.copy(ANVIL_PASS, place)
        self.postfix = keep(Postfix(
            place / "postfix", port=plain,
            anvil=pass_through(helper, place / "anvil"),
            main={"ipc_timeout": "20s", "smtpd_forbid_unauth_pipelining": "no"},
            services={f"127.0.0.1:{plain}": "", f"127.0.0.1:{self.port}":
                      "-o smtpd_upstream_proxy_protocol=haproxy"}))
        # With one smtpd the next client comes to the one that is known.
        self.postfix.postconf("-F", f"127.0.0.1:{plain}/inet/process_limit=1")
        self.postfix.start()
        self.server = self.postfix.server
        self.policyd = keep(Policyd(
            place / "policyd", [f"anvil-pass:unix:{place}/anvil"],
            options=PATIENT, sections=[("service", "proxied", {
                "port": self.port, "proxied": True,
                "trusted_proxies": [PROXY]})]))

    def come(self, source):
        """A header, then a message: all that smtpd says."""
        said = b""
        with socket.create_connection(("127.0.0.1", self.port), 60,
                                      source_address=(source, 0)) as client:
            client.sendall(HEADER)
            for pause, words in zip(PAUSES, (DIALOG, b"x\r\n.\r\nQUIT\r\n")):
                while pause not in said:
                    some = client.recv(1000)
                    if not some:
                        return said
                    said += some
                client.sendall(words)
            while some := client.recv(1000):
                said += some
        return said

    def greet(self, client):
        """(code, how long it took)"""
        with Smtp(self.server, client, 60) as session:
            return session.greeting, session.greeted_after


@pytest.fixture
def host(place, keep):
    return Host(place, keep)


def test_a_late_policyd_is_waited_for(host, client):
    """By an smtpd that was handed over, and by one that comes new."""
    for _ in range(2):
        host.policyd.process.freeze()
        with socket.create_connection(host.server, 30) as waiting:
            assert select.select([waiting], [], [], 3)[0] == []
            host.policyd.process.thaw()
            assert waiting.recv(4) == b"220 "
    assert send_one(host.server, client) == "250"
    assert "problem talking" not in host.postfix.log.text()


def test_a_frozen_policyd_opens_nothing(host, client):
    """The smtpd that was handed over before asks twice: policyd itself, then
    the helper. Other smtpds ask their helpers alone."""
    assert b"queued as" in host.come(PROXY)
    host.policyd.process.freeze()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        forgers = [pool.submit(host.come, STRANGER) for _ in range(3)]
        # The helper of an smtpd does not wait so long again.
        waits = [host.greet(client) for _ in range(3)]
        told = [one.result() for one in forgers]
    assert [code for code, _ in waits] == ["421"] * 3
    assert waits[0][1] >= HELPER_WAITS - 1
    assert max(waits[1:])[1] < HELPER_WAITS / 2
    assert all(said.startswith(b"421 ") for said in told), told
    # smtpd did ask twice, once.
    assert host.postfix.log.text().count("problem talking to server") == 1
    host.policyd.process.thaw()
    for _ in range(5):
        assert send_one(host.server, client) == "250"
    assert b"queued as" in host.come(PROXY)
    assert host.come(STRANGER).startswith(b"421 ")
