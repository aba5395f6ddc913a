"""Limits that ban the key they refuse, for longer if it goes on, or hold the
message: at the policy face and the milter, on memory: and in a fleet."""
import re

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.edict_site import EdictSite, fixtures_of
from harness.milter_client import MilterClient
from harness.policyd import Milter
from harness.wait import PATIENT, wait_until, within_a_second

ACCOUNT = "450 4.7.1 Error: your account may not send for now"
FULL = "450 4.7.1 Error: too many recipients from login "
OPTIONS = {"instance_name": "here", "exempt_clients": ["203.0.113.7"],
           **PATIENT}


def limit(name, login, **more):
    """Of the logins of one domain, so that each test has a limit of its own."""
    return ("limit", name, {
        "at": "policy", "event": "recipient", "key": ["sasl_username"],
        "rate": "2/1d", "services": [login], **more})


SECTIONS = [
    limit("hour", "ban", on_refusal={"ban": "1h"}),
    limit("again", "again", rate="10/500ms", event="bytes",
          escalate={"after": 2, "within": "1h", "ban": "1d"}),
    limit("burst", "burst", escalate={"after": 2, "within": "1h",
                                      "ban": "1d"}),
    limit("hold", "hold", on_refusal=["hold"]),
    limit("second", "hold", rate="3/1d"),
    ("limit", "milter", {
        "at": "milter", "event": "message", "key": ["sasl_username"],
        "rate": "1/1d", "on_refusal": ["hold", "ban=30m"]}),
]


class Site(EdictSite):
    options, sections = OPTIONS, SECTIONS

    def milter(self, **options):
        return self.keep(Milter(self.place / "milter", sections=SECTIONS,
                                options={**self.options, **options}))


def ask(daemon, service, user, client="198.51.100.7"):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt(client, sasl_username=user, policy_context=service)


def is_too_large(daemon, user):
    """A message of more bytes than the limit has: refused at any pace."""
    with Policy(daemon.policy) as smtpd:
        reply = smtpd.ask(
            request="smtpd_access_policy", protocol_state="END-OF-MESSAGE",
            protocol_name="ESMTP", client_address="198.51.100.7", size=1000,
            sasl_username=user, policy_context="again")
    return "too much mail data" in reply["action"]


def ctl(daemon, *words):
    done = tollgatectl(*words, sockets=[daemon])
    assert done.returncode == 0, done
    return done.stdout


def bans(daemon):
    return {it["key"]: it for it in asked(daemon, "bans")["bans"]}


def bans_logged(*daemons):
    return [line for daemon in daemons for line in
            re.findall(r" ban key=.*", daemon.process.text())]


site, shared = fixtures_of(Site)


def test_who_is_refused_is_banned(site):
    one = site.policyd("one")
    assert [ask(one, "ban", "eve") for _ in range(3)] == \
        ["DUNNO", "DUNNO", FULL + "eve"]
    ban = wait_until(lambda: bans(one).get("sasl:eve"), 10, "banned")
    assert (ban["who"], ban["reason"]) == \
        ("tollgate at here", "limit hour: more than 2/1d")
    assert 3000 < ban["seconds"] <= 3600
    # Of everything the login sends, from wherever it comes.
    assert ask(one, "other", "eve", "203.0.113.7") == ACCOUNT
    assert ask(one, "ban", "bob") == "DUNNO"
    assert "limit hour: more than 2/1d" in ctl(one, "show", "sasl:eve")
    assert bans_logged(one) == [
        ' ban key=sasl:eve limit=hour seconds=3600 '
        'reason="limit hour: more than 2/1d"']
    assert one.metric("tollgate_limit_bans_total") == 1
    [decision] = asked(one, "explain", "face=policy", "event=recipient",
                       "client=192.0.2.1", "sasl=eve")["decisions"]
    [check] = [it for it in decision["checks"] if it["check"] == "ban"]
    assert "by tollgate at here: limit hour" in check["text"]
    # A person lifts it; the counter is full until it is reset.
    ctl(one, "unban", "sasl:eve")
    ctl(one, "reset", "sasl:eve")
    assert ask(one, "ban", "eve") == "DUNNO"


def test_the_fleet_obeys_and_writes_once(shared):
    """Held by ban_action, its messages go on meeting the limit."""
    one = shared.policyd("one", ban_action="HOLD")
    two = shared.policyd("two", ban_action="HOLD")
    while ask(one, "ban", "eve") == "DUNNO":
        pass
    # At once, before the other's table knows.
    assert ask(two, "ban", "eve") == FULL + "eve"
    within_a_second(lambda: ask(two, "other", "eve") == "HOLD", "two obeys")
    for _ in range(5):
        assert ask(one, "ban", "eve") == ask(two, "ban", "eve") == FULL + "eve"
    assert len(bans_logged(one, two)) == 1
    # Redis loses it; who knows it writes it again, and so for the same time.
    assert bans(one)["sasl:eve"]["set"] == bans(two)["sasl:eve"]["set"]


def test_a_person_comes_first(shared):
    one = shared.policyd("one", ban_action="HOLD")
    ctl(one, "ban", "sasl:eve", "5m", "by", "hand")
    while ask(one, "ban", "eve") == "HOLD":
        pass
    assert ask(one, "ban", "eve") == FULL + "eve"
    assert bans(one)["sasl:eve"]["reason"] == "by hand"
    assert bans_logged(one) == []


def times_counted(redis, user, name):
    """What Redis holds of a sliding counter: its total."""
    return int(redis.cli(
        "eval", "local v = redis.call('GET', KEYS[1]) "
        "return v and struct.unpack('<I6', v) or 0", 1,
        f"tollgate:{{u={user}}}sy:{name}"))


def test_refusals_count_together(shared):
    """Two, each in half a second of its own, one at each daemon."""
    one, two = shared.policyd("one"), shared.policyd("two")
    assert is_too_large(one, "eve")
    wait_until(lambda: times_counted(shared.redis, "eve", "again") == 1, 10,
               "counted by one")
    assert bans(one) == {}

    def is_banned():
        is_too_large(two, "eve")
        return bans(two)
    ban = wait_until(is_banned, 10, "banned")["sasl:eve"]
    assert ban["reason"] == "limit again: refused 2 times within 1h"
    assert 86000 < ban["seconds"] <= 86400
    assert times_counted(shared.redis, "eve", "again") == 2
    assert len(bans_logged(one, two)) == 1
    within_a_second(lambda: ask(one, "other", "eve") == ACCOUNT, "one obeys")


def test_a_burst_counts_once(site):
    """Refusals of one minute are one, however many come."""
    one = site.policyd("one")
    for _ in range(30):
        last = ask(one, "burst", "eve")
    assert last == FULL + "eve"
    assert bans(one) == {}


def test_an_outage_bans_nobody(shared):
    """And what is refused after it does."""
    one = shared.policyd("one")
    shared.redis.process.kill()
    wait_until(lambda: not one.has_store(), 10, "away")
    while ask(one, "ban", "eve") == "DUNNO":
        pass
    assert bans(one) == {}
    shared.redis.start()
    wait_until(one.has_store, 10, "back")
    assert bans(one) == {}

    def is_banned():
        ask(one, "ban", "eve")
        return "sasl:eve" in bans(one)
    wait_until(is_banned, 30, "banned")


def test_hold_at_the_policy_face(site):
    """The other limit goes on counting what is held, and may refuse it."""
    one = site.policyd("one")
    replies = [ask(one, "hold", "eve") for _ in range(4)]
    assert replies == ["DUNNO", "DUNNO", "HOLD limit hold, 2/1d, login eve",
                       FULL + "eve"]
    assert re.search(r"decision .*limit=hold key=sasl:eve used=2 allowed=2 "
                     r"window=1d verdict=hold reason=limit",
                     re.sub(r" retry_after=\d+", "", one.process.text()))
    assert 'limit="hold",result="hold"} 1' in one.get("/metrics")[1]
    [decision] = asked(one, "explain", "face=policy", "event=recipient",
                       "client=192.0.2.1", "sasl=eve",
                       "service=hold")["decisions"]
    outcomes = {it["limit"]: it["outcome"] for check in decision["checks"]
                for it in check.get("limits", [])} or \
        {it["limit"]: it["outcome"] for it in decision.get("limits", [])}
    assert outcomes["hold"] == "holds" and outcomes["second"] == "refused"


def test_hold_and_ban_at_the_milter(shared):
    """The message that is held bans its login everywhere."""
    one = shared.policyd("one")
    milter = shared.milter(unsent_messages="keep")
    session = shared.keep(MilterClient(milter.socket))
    assert session.connect("198.51.100.7") == "c"
    assert session.open_message(auth_authen="eve") == "c"
    session.abort()
    assert session.open_message(auth_authen="eve") == "c"
    within_a_second(lambda: ask(one, "other", "eve") == ACCOUNT, "one obeys")
    assert bans(one)["sasl:eve"]["reason"] == "limit milter: more than 1/1d"
