"""The SNI face: who is answered, and what breaks the protocol."""
import json
import os
import pwd
import socket
import subprocess
import sys

import pytest

from harness.authority import Authority
from harness.cert_site import NAME, Acme, CertSite
from harness.policyd import Policyd
from harness.socketmap import Socketmap, asked
from harness.wait import wait_until


@pytest.fixture(scope="module")
def site(places, keeps):
    authority, acme = Authority(places / "ca"), Acme(places / "acme")
    acme.write(authority.issue(NAME, kind="rsa"), authority.issue(NAME))
    return CertSite(places, keeps, acme.source, postfix=False)


def ask_as(site, user):
    """What a process of that user is told; it may be nothing."""
    entry = pwd.getpwnam(user)

    def become():
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    script = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        f"s.connect({str(site.sni)!r})\n"
        "try:\n"
        f"    s.sendall(b'20:sni {NAME},')\n"
        "    sys.stdout.buffer.write(s.recv(10))\n"
        "except OSError:\n"
        "    pass\n")
    return subprocess.run(
        [sys.executable, "-c", script], preexec_fn=become, timeout=20,
        capture_output=True, check=True).stdout


def test_only_postfix_and_root_are_answered(site):
    assert b":OK" in ask_as(site, "postfix")
    assert b":OK" in ask_as(site, "root")
    # Not even the user that the daemon itself runs as.
    for user in ("nobody", "daemon"):
        assert ask_as(site, user) == b""
    site.policyd.process.wait_output("is not Postfix: refused")
    assert site.policyd.metric("tollgate_sni_refused_peers_total") == 2


def test_several_questions_over_one_connection(site):
    with Socketmap(site.sni) as postfix:
        for _ in range(3):
            assert len(postfix.fingerprints(NAME)) == 2
            assert postfix.ask("other.example") == "NOTFOUND "
            assert postfix.ask(".example.com") == "NOTFOUND "
        # In parts, and together.
        for byte in b"20:sni mail.example.com,"[:-1]:
            postfix.send(bytes([byte]))
        postfix.send(b",5:sni a,")
        assert postfix.receive().startswith("OK ")
        assert postfix.receive() == "NOTFOUND "


def test_answers_wait_for_a_slow_reader(site):
    with Socketmap(site.sni) as postfix:
        postfix.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        postfix.send(100 * b"20:sni mail.example.com,")
        answers = {postfix.receive() for _ in range(100)}
    assert len(answers) == 1 and answers.pop().startswith("OK ")


@pytest.mark.parametrize("data", [
    b"x", b":", b"-1:a,", b"00:,", b"4097:", b"99999:", b"3:a b;",
    b"3:abc,", b"0:,", b"2: a,", b"20 sni mail.example.com,",
    b"policy\n\n", b"\x00\x01",
])
def test_what_breaks_the_protocol_is_closed(site, data):
    before = site.policyd.metric("tollgate_sni_requests_total")
    with Socketmap(site.sni) as postfix:
        postfix.send(data)
        assert postfix.receive() == ""
    assert site.policyd.metric("tollgate_sni_requests_total") == before + 1
    assert len(asked(site.sni, NAME)) == 2


def test_what_breaks_it_is_one_record_of_the_log(place, keep):
    policyd = keep(Policyd(place / "policyd", [f"sni:unix:{place}/sni"],
                           options={"log_format": "json"}))
    with Socketmap(place / "sni") as postfix:
        postfix.send(b"x")
        assert postfix.receive() == ""
    lines = [json.loads(line) for line in policyd.process.text().splitlines()]
    [line] = [line for line in lines if line["message"] == "malformed"]
    assert (line["face"], line["pid"], line["reason"]) == \
        ("sni", os.getpid(), "no netstring")


def test_connections_are_let_go(site):
    fds = f"/proc/{site.policyd.process.pid}/fd"
    before = len(os.listdir(fds))
    clients = [Socketmap(site.sni) for _ in range(300)]
    for client in clients:
        assert client.ask("x") == "NOTFOUND "
    for client in clients:
        client.close()
    wait_until(lambda: len(os.listdir(fds)) == before, 5, "all are closed")
