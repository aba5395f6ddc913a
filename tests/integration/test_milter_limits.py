"""Sessions counted by milters: 3 at once and 5 messages, whichever of two
Postfix instances is asked, each with a milter of its own, on one Redis."""
import os
import re
import signal
import time

import pytest

from harness.policyd import Milter
from harness.ports import free_port
from harness.postfix import Postfix
from harness.redis_server import RedisServer
from harness.smtp import Smtp, send_one
from harness.wait import PATIENT, stays_true, wait_until

OPTIONS = {"client_limits_at": "milter", "client_connection_count_limit": 3,
           "client_message_rate_limit": 5, "lease_ttl": "2s", **PATIENT}
LIMITS = [
    ("limit", "sasl", {"event": "recipient", "key": ["sasl_username"],
                       "rate": "3/1h", "at": "milter"}),
    ("limit", "letter", {"event": "recipient", "key": ["sender"],
                         "max_per_message": 2, "at": "milter",
                         "authenticated": "no"}),
    ("limit", "harvest", {"event": "rejected_recipient", "key": ["client"],
                          "rate": "2/1h"}),
    ("limit", "big", {"event": "bytes", "key": ["sender"], "rate": "2000/1h",
                      "at": "milter"}),
    ("limit", "helo", {"event": "message", "key": ["helo"], "rate": "1/1h",
                       "at": "milter", "clients": ["127.0.99.0/24"],
                       "action": "550 5.7.1 %{limit}: once an hour (100 %)"}),
]
# Of a place that is given back: before lease_ttl would free it.
AT_ONCE = 1.8
MAIN = {
    "milter_macro_daemon_name": "smtp", "smtpd_timeout": "3s",
    "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
    "local_recipient_maps": "inline:{user@test.example=1, "
    + ", ".join(f"user{n}@test.example=1" for n in range(10)) + "}",
    "smtpd_reject_unlisted_recipient": "yes",
    "smtpd_recipient_restrictions": "reject_unlisted_recipient",
}


class Pod:
    def __init__(self, directory, keep, store):
        directory.mkdir()
        directory.chmod(0o755)
        self.milter = keep(Milter(
            directory / "milter", options={**OPTIONS, "store": store},
            sections=LIMITS))
        self.postfix = keep(Postfix(
            directory / "postfix", port=free_port(), name=directory.name,
            main=self.milter.main_cf(**MAIN)))
        self.postfix.start()
        self.server = self.postfix.server


@pytest.fixture(scope="module")
def pods(places, keeps):
    store = keeps(RedisServer(places / "redis")).url
    return [Pod(places / f"pod{n}", keeps, store) for n in range(2)]


@pytest.fixture
def sessions(keep):
    return lambda pod, client: keep(Smtp(pod.server, client))


def wait_admitted(open_session, timeout=5):
    def admitted():
        session = open_session()
        return session if session.greeting == "220" else session.close()
    return wait_until(admitted, timeout, "a place is free again")


@pytest.mark.parametrize("order", ["0000", "0101", "0011", "1110"])
def test_the_fourth_session_gets_421(pods, client, sessions, order):
    opened = [sessions(pods[int(i)], client) for i in order]
    assert [s.greeting for s in opened] == ["220", "220", "220", "421"]
    assert opened[3].command("EHLO x") == ""  # hung up


def hold(pods, client, sessions):
    """Three sessions, and that there is no place for a fourth."""
    held = [sessions(pods[n % 2], client) for n in range(3)]
    assert [s.greeting for s in held] == ["220"] * 3
    refused = sessions(pods[0], client)
    assert refused.greeting == "421"
    refused.close()
    return held


def smtpd_of(session):
    """The process that has the session: who holds its connection."""
    port = session.local_port()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if open(f"/proc/{pid}/comm", encoding="ascii").read() != "smtpd\n":
                continue
            inodes = {os.readlink(f"/proc/{pid}/fd/{fd}")
                      for fd in os.listdir(f"/proc/{pid}/fd")}
        except OSError:
            continue
        for line in open("/proc/net/tcp", encoding="ascii"):
            words = line.split()
            if words[2].endswith(f":{port:04X}") and \
                    f"socket:[{words[9]}]" in inodes:
                return int(pid)
    raise AssertionError("no smtpd has the session")


def end_by_quit(session):
    session.hello()
    session.quit()


def end_by_vanishing(session):
    session.close()


def end_in_the_middle(session):
    session.hello().mail()
    session.rcpt()
    session.command("DATA")
    session.close()


def end_by_killing_smtpd(session):
    os.kill(smtpd_of(session), signal.SIGKILL)


@pytest.mark.parametrize("end", [
    end_by_quit, end_by_vanishing, end_in_the_middle, end_by_killing_smtpd])
def test_a_place_is_free_at_once(pods, client, sessions, end):
    held = hold(pods, client, sessions)
    end(held[0])
    wait_admitted(lambda: sessions(pods[1], client), AT_ONCE)
    assert sessions(pods[0], client).greeting == "421"


def test_a_timeout_frees_the_place(pods, client, sessions):
    """smtpd_timeout is 3 s."""
    held = hold(pods, client, sessions)
    assert held[0].read_reply() == "421"
    wait_admitted(lambda: sessions(pods[1], client), AT_ONCE)


def test_a_killed_milter_frees_its_places(pods, client, sessions):
    """Within lease_ttl and a second; what the other milter holds stays."""
    held = hold(pods, client, sessions)  # two of the first pod's
    pods[0].milter.kill()
    killed = time.monotonic()
    assert sessions(pods[1], client).greeting == "421"
    pods[0].milter.start()
    first = wait_admitted(lambda: sessions(pods[1], client),
                          killed + 2 + 2 - time.monotonic())
    assert first and sessions(pods[0], client).greeting == "220"
    assert sessions(pods[0], client).greeting == "421"
    assert held[1].hello().mail() == "250"


def test_leases_are_renewed(pods, client, sessions):
    """Idle sessions hold their places for longer than lease_ttl."""
    hold(pods, client, sessions)
    stays_true(lambda: send_one(pods[1].server, client) == "421", 2.5,
               "no fourth session")


def test_the_sixth_message_gets_450(pods, client):
    codes = [send_one(pods[n % 2].server, client) for n in range(7)]
    assert codes == ["250"] * 5 + ["450"] * 2
    with Smtp(pods[1].server, client) as session:
        assert session.hello().mail() == "250"
        assert [session.rcpt(), session.rcpt("user1@test.example")] == \
            ["450"] * 2
        assert session.text == \
            f"450 4.7.1 Error: too much mail from {client}"
        session.quit()


def test_other_clients_have_counters_of_their_own(pods, client, sessions):
    hold(pods, client, sessions)
    other = client.replace("127.0.", "127.1.")
    hold(pods, other, sessions)


def xclient(pod, address, login=None):
    session = Smtp(pod.server)
    session.hello()
    words = f"XCLIENT ADDR={address} NAME=[UNAVAILABLE]"
    session.greeting = session.command(
        words + (f" LOGIN={login}" if login else ""))
    return session


def test_recipients_of_a_login(pods):
    """3 an hour, from whatever address."""
    codes = []
    for number, pod in enumerate(pods * 2):
        with xclient(pod, f"198.51.100.{number}", "bob@test.example") as one:
            codes.append(one.hello().send_message())
            text = one.text
            one.command("RSET")
            one.quit()
    assert codes == ["250"] * 3 + ["450"]
    assert text == "450 4.7.1 Error: too many recipients from " \
        "login bob@test.example"
    with xclient(pods[0], "198.51.100.3", "alice@test.example") as other:
        assert other.hello().send_message() == "250"
        other.quit()


def test_xclient_moves_the_place(pods, sessions, keep):
    """The address that is left is free again, the new one is counted."""
    there = [keep(xclient(pods[n % 2], "198.51.100.20")) for n in range(4)]
    assert [s.greeting for s in there] == ["220"] * 3 + ["421"]


def test_recipients_of_a_message(pods, client):
    with Smtp(pods[0].server, client) as session:
        session.hello().mail()
        assert [session.rcpt(f"user{n}@test.example") for n in range(3)] == \
            ["250", "250", "450"]
        session.command("RSET")
        session.mail()
        assert session.rcpt() == "250"
        session.quit()


def test_harvesting(pods, client):
    """After 2 unknown recipients good ones are refused too, here and in
    sessions to come."""
    with Smtp(pods[0].server, client) as session:
        session.hello().mail()
        assert session.rcpt() == "250"
        assert [session.rcpt(f"nobody{n}@test.example") for n in range(3)] \
            == ["550"] * 3
        assert session.rcpt("user1@test.example") == "450"
        assert session.text == "450 4.7.1 Error: too many rejected " \
            f"recipients from {client}"
        session.command("RSET")
        assert [session.mail(), session.rcpt()] == ["250", "450"]
        session.quit()
    assert send_one(pods[1].server, client) == "450"
    lines = re.findall(
        rf"event=rejected_recipient client={client} .* verdict=refuse",
        pods[0].milter.process.text())
    assert len(lines) == 3, "\n".join(lines)


def test_bytes_of_a_sender(pods, client):
    """Counted at the end of a message, as it came, not as it was said."""
    def send(size):
        with Smtp(pods[0].server, client) as session:
            session.hello()
            session.mail(f"big-{client}@client.example")
            session.rcpt()
            session.command("DATA")
            code = session.command(
                "Subject: x\r\n\r\n" + ("x" * 70 + "\r\n") * (size // 72)
                + ".")
            text = session.text
            session.quit()
            return code, text
    assert send(1440)[0] == "250"
    code, text = send(1440)
    assert code == "450"
    assert text.endswith("Error: too much mail data from sender "
                         f"big-{client}@client.example")
    assert send(72)[0] == "250"


def test_a_message_without_mail(place, keep, client):
    """Postfix 3.7 keeps a message that a policy refused at its end, and lets
    RCPT and DATA come again; 3.10 does not. Recipients count all the same,
    and nobody gets more messages through than were counted."""
    milter = keep(Milter(place / "milter", options={
        "client_limits_at": "milter", "client_recipient_rate_limit": 3,
        **PATIENT}))
    postfix = keep(Postfix(
        place / "postfix", port=free_port(), main=milter.main_cf(
            smtpd_end_of_data_restrictions="check_sender_access "
            "inline:{bad@client.example=DEFER}"))).start()
    with Smtp(postfix.server, client) as session:
        assert session.hello().mail("bad@client.example") == "250"
        codes = []
        for _ in range(4):
            codes.append(session.rcpt())
            if session.command("DATA") == "354":
                codes.append(session.command("x\r\n."))
        refusals = re.findall(r"event=(\w+) .* verdict=refuse",
                              milter.process.text())
        assert codes == ["250", "450"] * 3 + ["450"] and \
            refusals == ["recipient"] or "503" in codes
        session.quit()


def test_a_message_without_mail_over_inet(place, keep, client):
    """There libmilter is told of DATA, and answers no RCPT after it: Postfix
    gives up waiting, and nothing gets through."""
    milter = keep(Milter(
        place / "milter", f"inet:127.0.0.1:{free_port()}", options={
            "client_limits_at": "milter", "client_recipient_rate_limit": 3,
            **PATIENT}))
    postfix = keep(Postfix(
        place / "postfix", port=free_port(), main=milter.main_cf(
            milter_command_timeout="2s",
            smtpd_end_of_data_restrictions="check_sender_access "
            "inline:{bad@client.example=DEFER}"))).start()
    with Smtp(postfix.server, client) as session:
        assert session.hello().mail("bad@client.example") == "250"
        assert [session.rcpt(), session.command("DATA"),
                session.command("x\r\n.")] == ["250", "354", "450"]
        assert session.rcpt() in ("451", "503")
        session.quit()
    assert send_one(postfix.server, client) == "250"


def test_helo_as_a_key_and_an_action_of_ones_own(pods):
    client = "127.0.99.1"
    assert send_one(pods[0].server, client) == "250"
    with Smtp(pods[1].server, client) as session:
        session.hello().mail()
        assert session.rcpt() == "550"
        assert session.text == "550 5.7.1 helo: once an hour (100 %)"
        session.quit()
    with Smtp(pods[1].server, client) as session:
        session.command("EHLO other.example")
        assert session.send_message() == "250"
        session.quit()
