"""A login that sends more than its limit, through a real Postfix with SASL, a
policyd and a milter on one Redis, and a second machine's policyd: held, so that
nothing is lost, or banned on both machines at once."""
import re

import pytest

from harness.attributes import Policy
from harness.control import asked
from harness.front import Front
from harness.policyd import Policyd
from harness.redis_server import RedisServer
from harness.sasl_server import SaslServer, log_in
from harness.smtp import Smtp
from harness.wait import PATIENT, within_a_second

NO_POLICY = "-o smtpd_recipient_restrictions= -o smtpd_end_of_data_restrictions="
NO_MILTER = "-o smtpd_milters="
ALONE = {"policy": NO_MILTER, "milter": NO_POLICY}
STAGES = {"policy": "recipient", "milter": "message"}


def limits(face):
    """Two a day: held in one domain of logins, banned in the other."""
    login = {"at": face, "event": STAGES[face], "rate": "2/1d"}
    return [
        ("limit", "held", {**login, "key": ["sasl_username"],
                           "clients": ["127.0.6.0/24"],
                           "on_refusal": ["hold"]}),
        ("limit", "banned", {**login, "key": ["sasl_username"],
                             "clients": ["127.0.7.0/24"],
                             "on_refusal": {"ban": "1h"}})]


@pytest.fixture(scope="module")
def front(places, keeps):
    redis = keeps(RedisServer(places / "redis"))
    sasl = keeps(SaslServer(places / "sasl"))
    options = {"store": redis.url, **PATIENT}
    front = Front(places, keeps, ALONE, options=options, main=sasl.main_cf(),
                  limits={"policyd": limits("policy"),
                          "milter": limits("milter")})
    # Another machine's.
    front.other = keeps(Policyd(
        places / "other", [f"policy:unix:{places}/other/policy"],
        options=options))
    front.other_policy = f"{places}/other/policy"
    return front


def send(server, user, client):
    with Smtp(server, client) as session:
        session.hello()
        assert log_in(session, user) == "235", session.text
        code = session.send_message()
        return code, session.text


@pytest.mark.parametrize("face", ALONE)
def test_what_is_over_the_limit_is_held(front, face):
    server, user = front.server[face], f"eve.{face}@test.example"
    assert front.postfix.held() == []
    for _ in range(2):
        assert send(server, user, "127.0.6.1")[0] == "250"
    mark = front.postfix.log.mark()
    assert send(server, user, "127.0.6.2")[0] == "250"
    [queue_id] = front.postfix.held()
    if face == "policy":
        assert f"limit held, 2/1d, login {user}" in front.postfix.log.text()
    # Nobody else notices.
    assert send(server, f"bob.{face}@test.example", "127.0.6.1")[0] == "250"
    front.postfix.log.wait_for(r"postfix/qmgr\[\d+\]: \w+: removed",
                               since=mark)
    assert front.postfix.held() == [queue_id]
    # Honest after all: it goes.
    mark = front.postfix.log.mark()
    front.postfix.release()
    front.postfix.log.wait_for(rf"{queue_id}: removed", since=mark)
    assert re.search(rf"{queue_id}: to=<user0@test.example>.*sent",
                     front.postfix.log.text())
    within_a_second(lambda: front.postfix.held() == [], "none is held")


@pytest.mark.parametrize("face", ALONE)
def test_who_is_over_the_limit_is_banned_on_both(front, face):
    server, user = front.server[face], f"mallory.{face}@test.example"
    for _ in range(2):
        assert send(server, user, "127.0.7.1")[0] == "250"
    code, text = send(server, user, "127.0.7.2")
    assert code == "450" and f"from login {user}" in text

    def is_banned():
        with Policy(front.other_policy) as smtpd:
            return "your account may not send for now" in smtpd.rcpt(
                "198.51.100.7", sasl_username=user)
    within_a_second(is_banned, "the other machine")
    within_a_second(lambda: "your account may not send for now" in
                    send(server, user, "127.0.9.1")[1], "this one")
    [ban] = [it for it in asked(front.other, "bans")["bans"]
             if it["key"] == f"sasl:{user}"]
    assert ban["reason"] == "limit banned: more than 2/1d"
    assert send(server, f"carol.{face}@test.example", "127.0.7.1")[0] == "250"
