"""A stolen login through a real Postfix with SASL, two policyd and a milter on
one Redis: stopped everywhere, or held, so that nothing is lost."""
import re

import pytest

from harness.control import tollgatectl
from harness.front import Front
from harness.policyd import Policyd
from harness.redis_server import RedisServer
from harness.sasl_server import SaslServer, log_in
from harness.smtp import Smtp
from harness.wait import within_a_second

NO_POLICY = "-o smtpd_recipient_restrictions= -o smtpd_end_of_data_restrictions="
NO_MILTER = "-o smtpd_milters="
ALONE = {"policy": NO_MILTER, "milter": NO_POLICY}


@pytest.fixture(scope="module")
def front(places, keeps):
    redis = keeps(RedisServer(places / "redis"))
    sasl = keeps(SaslServer(places / "sasl"))
    front = Front(places, keeps, ALONE, options={"store": redis.url},
                  main=sasl.main_cf())
    # Another machine's.
    front.other = keeps(Policyd(
        places / "other", [f"policy:unix:{places}/other/policy"],
        options={"store": redis.url}))
    return front


def send(server, user, client="127.0.6.1"):
    """The reply to a message of two recipients."""
    with Smtp(server, client) as session:
        session.hello()
        assert log_in(session, user) == "235", session.text
        code = session.send_message(recipients=2)
        return code, session.text


def ctl(daemon, *words):
    done = tollgatectl(*words, sockets=[daemon])
    assert done.returncode == 0, done.stderr


def set_action(front, action):
    for daemon in front.policyd, front.milter:
        daemon.write_config(ban_action=action)
        ctl(daemon, "reload")


@pytest.mark.parametrize("face", ALONE)
def test_a_login_is_stopped(front, face):
    server, user = front.server[face], f"eve.{face}@test.example"
    assert send(server, user)[0] == "250"
    ctl(front.other, "ban", f"sasl:{user}", "1h", "stolen")
    within_a_second(lambda: send(server, user)[0] == "450", "refused")
    code, text = send(server, user, "127.0.6.2")
    assert code == "450" and "your account may not send for now" in text
    assert send(server, f"bob.{face}@test.example")[0] == "250"
    ctl(front.other, "ban", "sasl:@test.example")
    within_a_second(lambda: send(server, "carol@test.example")[0] == "450",
                    "all of the domain")
    assert send(server, "carol@other.example")[0] == "250"
    ctl(front.other, "unban", "sasl:@test.example")
    ctl(front.other, "unban", f"sasl:{user}")
    within_a_second(lambda: send(server, user)[0] == "250", "lifted")


@pytest.mark.parametrize("face", ALONE)
def test_what_is_held_is_not_lost(front, face):
    server, user = front.server[face], f"eve.{face}@test.example"
    set_action(front, "HOLD")
    assert front.postfix.held() == []
    ctl(front.other, "ban", f"sasl:{user}", "1h", "stolen")
    within_a_second(lambda: send(server, user)[0] == "250" and front.postfix.held(),
                    "held")
    before = front.postfix.held()
    mark = front.postfix.log.mark()
    assert send(server, user)[0] == "250"
    assert send(server, f"bob.{face}@test.example")[0] == "250"
    front.postfix.log.wait_for(r"postfix/qmgr\[\d+\]: \w+: removed",
                               since=mark)
    [queue_id] = set(front.postfix.held()) - set(before)
    word = {"policy": "hold: RCPT", "milter": "milter-hold: END-OF-MESSAGE"}
    assert word[face] in front.postfix.log.text()
    # Honest after all: it goes, to both recipients.
    ctl(front.other, "unban", f"sasl:{user}")
    mark = front.postfix.log.mark()
    front.postfix.release()
    front.postfix.log.wait_for(rf"{queue_id}: removed", since=mark)
    assert len(re.findall(rf"{queue_id}: to=<user[01]@test.example>.*sent",
                          front.postfix.log.text())) == 2
    within_a_second(lambda: front.postfix.held() == [], "none is held")
    set_action(front, "")
