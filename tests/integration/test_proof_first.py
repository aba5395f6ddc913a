"""The proof comes before anything that could be wrong with a request: whoever
is no trusted proxy, or left before that was known, is refused whatever smtpd
asks, and no smtpd is made to wait or to go on by itself."""
import concurrent.futures
import os
import re
import subprocess
import threading
import time

import pytest

from harness.haproxy import Haproxy
from harness.middleman import Middleman
from harness.policyd import Policyd
from harness.ports import free_port
from harness.postfix import STOCK_ANVIL, Postfix
from harness.proof_site import PROXY, STRANGER, ProofSite
from harness.smtp import Smtp
from harness.smtpd import Smtpd

MOST = 2147483647
LONG = b"x" * 3000
CHECK_SECONDS = float(os.environ.get("TOLLGATE_CHECK_SECONDS", 10))


@pytest.fixture
def site(place, keep):
    return ProofSite(place, keep)


# {case: (anvil's request, the policy face's)}
REQUESTS = {
    "garbage": (b"\x00\xff\n\n", b"\x00\xff\n\n"),
    "no attribute": (b"nonsense\n\n", b"nonsense\n\n"),
    "nothing": (b"\n", b"\n"),
    "unknown request": (b"request=surprise\nident=smtp:198.51.100.7\n\n",
                        b"request=surprise\nclient_address=198.51.100.7\n\n"),
    "no request": (b"ident=smtp:198.51.100.7\n\n",
                   b"client_address=198.51.100.7\n\n"),
    "no client": (b"request=connect\nident=smtp:\n\n",
                  b"request=smtpd_access_policy\nclient_address=\n\n"),
    "no client at all": (b"request=connect\n\n",
                         b"request=smtpd_access_policy\n\n"),
    "a client that is none": (
        b"request=connect\nident=smtp:nobody\n\n",
        b"request=smtpd_access_policy\nclient_address=nobody\n\n"),
    "too long a value": (
        b"request=connect\nident=" + LONG + b":198.51.100.7\n\n",
        b"request=smtpd_access_policy\nclient_address=" + LONG + b"\n\n"),
    "too long a line": (
        b"request=connect\nident=" + LONG * 2 + b"\n\n",
        b"request=smtpd_access_policy\ninstance=" + LONG * 2 + b"\n\n"),
    "two at once": (b"request=connect\nident=smtp:198.51.100.7\n\n" * 2,
                    b"request=smtpd_access_policy\n\n" * 2),
    "half": (b"request=connect\nident=smtp:198.51",
             b"request=smtpd_access_policy\nclient_address=198.51"),
    "half a name": (b"requ", b"requ"),
}


def is_refused(answer):
    return b"count=%d\nrate=%d\n" % (MOST, MOST) in answer or \
        re.match(b"action=[45]", answer) is not None


@pytest.mark.parametrize("kind", ["stranger", "left"])
def test_whatever_is_asked(site, place, kind):
    """At both faces, from all at once: half a request takes ten seconds."""
    policyd = site.start(PROXY, listen=[f"anvil:unix:{place}/anvil"])
    smtpd = site.keep(Smtpd(STRANGER, site.port,
                            "client" if kind == "stranger" else "reset"))

    lock = threading.Lock()

    def connect(face):
        with lock:
            return smtpd.connect(place / face)

    def ask(case):
        name, face, request = case
        with connect(face) as connection:
            connection.settimeout(20)
            if face == "anvil":
                assert connection.recv(100) == b"protocol=anvil_protocol\n\n"
            connection.sendall(request)
            return name, face, connection.recv(1000)

    cases = [(name, face, requests[face == "policy"])
             for name, requests in REQUESTS.items()
             for face in ("anvil", "policy")]
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        told = list(pool.map(ask, cases))
    assert [one for one in told if not is_refused(one[2])] == []
    assert "malformed" in policyd.process.text()


@pytest.mark.parametrize("face", ["anvil", "policy"])
def test_what_cannot_be_read_of_a_proven_proxy(site, place, face):
    """Nobody knows what it is about, so it is not let through. The connection
    goes on where the next request can be told from this one."""
    policyd = site.start(PROXY, listen=[f"anvil:unix:{place}/anvil"])
    smtpd = site.keep(Smtpd(PROXY, site.port))
    with smtpd.connect(place / face) as connection:
        if face == "anvil":
            connection.recv(100)
        for case in ("too long a value", "no request"):
            connection.sendall(REQUESTS[case][face == "policy"])
            assert is_refused(connection.recv(1000)), case
        connection.sendall(
            b"request=connect\nident=smtp:198.51.100.7\n\n"
            if face == "anvil" else b"request=smtpd_access_policy\n"
            b"protocol_state=RCPT\nclient_address=198.51.100.7\n\n")
        assert not is_refused(connection.recv(1000))
    assert policyd.metric("tollgate_malformed_requests_total") == 2


# What becomes of smtpd's own request on the way to policyd.
ALTERED = {
    "as it is": lambda request: request,
    "garbage": lambda request: b"\x00\n\n",
    "half": lambda request: request[:-2],
    "unknown request": lambda request: re.sub(
        rb"request=\w+", b"request=surprise", request),
    "no client": lambda request: re.sub(
        rb"(ident=.*:|client_address=).*", rb"\1", request),
    "too long a value": lambda request: re.sub(
        rb"(ident|instance)=.*", rb"\1=" + LONG, request),
}


@pytest.mark.parametrize("face", ["anvil", "policy"])
def test_a_stock_smtpd_ends_with_the_refusal(site, place, keep, face):
    """Postfix understands the answer, whatever it has asked."""
    site.start(PROXY, listen=[f"anvil:unix:{place}/anvil"])
    main = {"master_service_disable": "anvil/unix"} if face == "anvil" else {
        "smtpd_delay_reject": "no",
        "smtpd_policy_service_default_action": "DUNNO",
        "smtpd_client_restrictions":
        f"check_policy_service unix:{place}/between"}
    postfix = keep(Postfix(place / "postfix", port=free_port(), main=main,
                           anvil="" if face == "anvil" else STOCK_ANVIL))
    postfix.start()
    between = keep(Middleman(
        postfix.anvil_socket if face == "anvil" else place / "between",
        place / face, keep(Smtpd(STRANGER, site.port)),
        greets=face == "anvil"))
    for alteration, alter in ALTERED.items():
        between.alter = alter
        with Smtp(postfix.server, timeout=60) as session:
            assert session.greeting == "421", (alteration, session.text)
    assert "problem talking" not in postfix.log.text()
    assert "policy service" not in postfix.log.text()


def takes_plain_checks():
    """Does smtpd ask anvil about a client that has gone already?"""
    version = subprocess.run(["postconf", "-dh", "mail_version"], check=True,
                             capture_output=True, text=True).stdout
    return [int(part) for part in version.split(".")[:2]] >= [3, 11]


def test_checks_of_haproxy(place, keep):
    """Once a second, at the only smtpd that there is: nobody waits for it, and
    nobody is refused, and no line asks for attention. Before Postfix 3.11
    a check is to be a whole dialog."""
    speaks = "" if takes_plain_checks() else "option smtpchk"
    port, front = free_port(), (PROXY, free_port(PROXY))
    place.chmod(0o755)
    postfix = keep(Postfix(
        place / "postfix", port=port, anvil="",
        main={"master_service_disable": "anvil/unix"},
        services={f"127.0.0.1:{port}":
                  "-o smtpd_upstream_proxy_protocol=haproxy"}))
    postfix.postconf("-F", f"127.0.0.1:{port}/inet/process_limit=1")
    postfix.start()
    policyd = keep(Policyd(
        place / "policyd", [f"anvil:unix:{postfix.anvil_socket}"],
        options={"impossible_clients": []},
        sections=[("service", "proxied",
                   {"port": port, "proxied": True,
                    "trusted_proxies": [PROXY]})]))
    haproxy = keep(Haproxy(place / "haproxy", front, ("127.0.0.1", port),
                           more=f"check inter 1s\n    {speaks}"))
    mark = len(policyd.process.text())
    waits = []
    end = time.monotonic() + CHECK_SECONDS
    while time.monotonic() < end:
        with Smtp(front, timeout=30) as session:
            assert session.hello().mail() == "250", session.text
            waits.append(session.greeted_after)
            session.quit()
    assert "DOWN" not in haproxy.process.text()
    # An smtpd that asks again sleeps for two seconds; a busy machine does not.
    assert sorted(waits)[len(waits) * 8 // 10] < 0.3, sorted(waits)
    assert max(waits) < 6, sorted(waits)
    warned = [line for line in policyd.process.text()[mark:].splitlines()
              if " warn: " in line]
    # So many come from one address only in a test.
    assert [line for line in warned if "a gateway before" not in line] == []
    assert "problem talking" not in postfix.log.text()
