"""Bans of logins, senders, recipients and HELO names: at the policy face and
the milter, on memory: and on Redis, over reloads, restarts and outages."""
import re

import pytest

from harness.attributes import Anvil, Policy
from harness.control import Control, asked, tollgatectl
from harness.edict_site import EdictSite, fixtures_of
from harness.milter_client import NO_HELO, MilterClient, packet, texts
from harness.policyd import TOP, Milter
from harness.wait import PATIENT, wait_until, within_a_second

ACCOUNT = "450 4.7.1 Error: your account may not send for now"
DENIED = "450 4.7.1 Error: access denied for now to "
EXEMPT = "203.0.113.7"
OPTIONS = {"instance_name": "here", "exempt_clients": [EXEMPT],
           "recipient_delimiter": "+", **PATIENT}
SECTIONS = [("limit", "by-login", {
    "at": "policy", "event": "recipient", "key": ["sasl_username"],
    "rate": "2/1d"})]


class Site(EdictSite):
    options, sections = OPTIONS, SECTIONS

    def milter(self, **options):
        return self.keep(Milter(self.place / "milter",
                                options={**self.options, **options}))


def action(daemon, client="198.51.100.7", **attributes):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt(client, **attributes)


def login(daemon, user, client="198.51.100.7"):
    return action(daemon, client, sasl_username=user)


def ctl(daemon, *words):
    done = tollgatectl(*words, sockets=[daemon])
    assert done.returncode == 0, done
    return done.stdout


def refused(daemon, *words):
    done = tollgatectl(*words, sockets=[daemon])
    assert done.returncode > 0, done
    return done.stderr


site, shared = fixtures_of(Site)


@pytest.mark.parametrize("ban, request_, reply", [
    ("sasl:Eve@Example.com", {"sasl_username": "eve@example.com"}, ACCOUNT),
    ("sasl:@example.com", {"sasl_username": "any@EXAMPLE.com"},
     "450 4.7.1 Error: your domain may not send for now"),
    ("sasl_domain:example.com", {"sasl_username": "other@example.com."},
     "450 4.7.1 Error: your domain may not send for now"),
    ("sender:News@shop.example", {"sender": "news+1@shop.example"},
     DENIED + "sender news+1@shop.example"),
    ("sender_domain:shop.example", {"sender": "x@Shop.example"},
     DENIED + "sender domain Shop.example"),
    ("recipient:trap@test.example", {"recipient": "trap@test.example"},
     DENIED + "recipient trap@test.example"),
    ("recipient_domain:trap.example", {"recipient": "a@trap.example"},
     DENIED + "recipient domain trap.example"),
    ("helo:mx.shop.example", {"helo_name": "MX.shop.example"},
     DENIED + "HELO name MX.shop.example"),
])
def test_each_kind_of_name(one_for_all, ban, request_, reply):
    one = one_for_all
    assert action(one, **request_) == "DUNNO"
    ctl(one, "ban", ban, "20m", "sends", "spam")
    assert action(one, **request_) == reply
    assert action(one) == "DUNNO"
    [listed] = asked(one, "bans")["bans"]
    assert (listed["reason"], listed["who"], listed["void"]) == \
        ("sends spam", "uid 0 at here", False)
    # As it is listed, it can be shown and lifted.
    assert asked(one, "show", listed["key"])["ban"]["key"] == listed["key"]
    assert "BANNED as " in ctl(one, "show", ban)
    assert listed["key"] in ctl(one, "bans")
    ctl(one, "unban", listed["key"])
    assert action(one, **request_) == "DUNNO"
    assert "no such ban" in refused(one, "unban", ban)


@pytest.fixture(scope="module")
def one_for_all(places, keeps):
    return Site(places, keeps).policyd("one")


@pytest.mark.parametrize("key, text", [
    ("sasl:", "must follow"),
    ("sasl:*@example.com", "no patterns"),
    ("sender:@example.com", "sender_domain"),
    ("sender:<>", "null sender"),
    ("sender_domain:.example.com", "below it"),
    ("helo:a b", "no blank"),
    ("service:25", "no such kind of key"),
    ("unproxied", "cannot be banned"),
    ("user:bob", "sasl:USER"),
])
def test_what_no_request_has_is_refused(one_for_all, key, text):
    assert text in refused(one_for_all, "ban", key)


def test_names_in_any_bytes(one_for_all):
    """Listed with escapes, lifted as typed or as listed; the longest too."""
    one = one_for_all
    for user in "müller", "a|b%c", "x" * 200, "a:b,c=d":
        for way in "typed", "listed":
            ctl(one, "ban", f"sasl:{user}")
            assert login(one, user) == ACCOUNT
            assert login(one, user + "x") == "DUNNO"
            [ban] = asked(one, "bans")["bans"]
            ctl(one, "unban",
                f"sasl:{user}" if way == "typed" else ban["key"])
            assert asked(one, "bans")["bans"] == []


def test_a_login_is_banned_wherever_it_comes_from(site):
    one = site.policyd("one")
    assert "exempt_clients" in refused(one, "ban", EXEMPT)
    ctl(one, "ban", "sasl:eve", "1h", "stolen")
    ctl(one, "ban", "helo:webmail")
    for client in "198.51.100.7", EXEMPT, "2001:db8::1":
        assert login(one, "eve", client) == ACCOUNT
        assert login(one, "bob" + client, client) == "DUNNO"
    # What infrastructure calls itself is not in its way.
    assert action(one, EXEMPT, helo_name="webmail") == "DUNNO"
    assert action(one, helo_name="webmail") == DENIED + "HELO name webmail"
    # Anvil is told the client alone.
    with Anvil(one.anvil) as smtpd:
        assert smtpd.event("connect", "198.51.100.7")["count"] == 1

    line = re.findall(r"decision .*sasl=eve.*", one.process.text())[0]
    assert " key=sasl:eve retry_after=" in line
    assert " verdict=refuse reason=banned" in line
    [decision] = asked(one, "explain", "face=policy", "event=recipient",
                       f"client={EXEMPT}", "sasl=eve")["decisions"]
    assert (decision["verdict"], decision["reason"]) == ("refuse", "banned")
    [check] = [it for it in decision["checks"] if it["check"] == "ban"]
    assert check["outcome"] == "refused"
    assert re.match(r"sasl:eve, for \d+ s more, by uid 0 at here: stolen",
                    check["text"])
    rows = [row for it in asked(one, "top", "recipient")["events"]
            for row in it["keys"]]
    assert {row["key"]: row["by"] for row in rows if row["refused"]} == \
        {"sasl:eve": "banned", "helo:webmail": "banned"}

    # Over a reload, a restart where the store survives it, and a hand-over.
    one.write_config(log_level="debug")
    ctl(one, "reload")
    assert login(one, "eve") == ACCOUNT
    if site.redis:
        one.stop()
        one.start()
        within_a_second(lambda: login(one, "eve") == ACCOUNT, "known again")


def test_a_successor_is_told(site, end_pid):
    one = site.policyd("one")
    ctl(one, "ban", "sasl:eve", "1h", "stolen")
    ctl(one, "ban", "198.51.100.0/24", "1h")
    if site.redis:
        site.redis.process.freeze()
    end_pid(one.hand_over())
    assert login(one, "eve", "192.0.2.1") == ACCOUNT
    assert [it["key"] for it in asked(one, "bans")["bans"]] == \
        ["198.51.100.0/24", "sasl:eve"]
    if site.redis:
        site.redis.process.thaw()


def test_every_daemon_obeys(shared):
    one, two = shared.policyd("one"), shared.policyd("two")
    milter = shared.milter()
    session = shared.keep(MilterClient(milter.socket))
    assert session.connect("198.51.100.7") == "c"
    assert session.open_message(auth_authen="eve") == "c"
    session.abort()
    ctl(one, "ban", "sasl:eve", "1h")
    within_a_second(lambda: login(two, "eve") == ACCOUNT, "two obeys")

    def is_refused():
        answer = session.open_message(auth_authen="eve")
        session.abort()
        return answer == "y" + ACCOUNT
    wait_until(is_refused, 5, "the milter obeys, in a session that was open")
    assert session.open_message(auth_authen="bob") == "c"
    ctl(two, "unban", "sasl:eve")
    within_a_second(lambda: login(one, "eve") != ACCOUNT, "lifted")
    wait_until(lambda: not is_refused(), 5, "lifted at the milter")

    # Redis loses it: those who know it write it again.
    ctl(one, "ban", "sasl:mallory", "1h")
    within_a_second(lambda: login(two, "mallory") == ACCOUNT, "two obeys")
    shared.redis.cli("FLUSHALL")
    three = shared.policyd("three")
    wait_until(lambda: login(three, "mallory") == ACCOUNT, 10,
               "written again")


@pytest.mark.parametrize("ban", [
    "sasl:eve", "sender:eve@client.example", "helo:eve.example",
    "recipient:eve@test.example"])
def test_the_milter_knows_names(place, keep, ban):
    milter = Site(place, keep).milter(
        ban_action="REJECT %{key} is closed for %{retry_after} s")
    ctl(milter, "ban", ban, "1h")

    def answer(name):
        session = MilterClient(milter.socket)
        assert session.connect("198.51.100.7") == "c"
        if not session.steps & NO_HELO:
            session.socket.sendall(packet(b"H", texts(f"{name}.example")))
        answer = session.open_message(
            f"{name}@test.example", sender=f"{name}@client.example",
            auth_authen=name)
        session.close()
        return answer
    # The loop tells the callbacks of it a little later.
    wait_until(lambda: answer("eve") != "c", 5, "it obeys")
    assert re.fullmatch(r"y554 5\.7\.1 .*eve\S* is closed for 3[56]\d\d s",
                        answer("eve")), answer("eve")
    assert answer("bob") == "c"


def test_hold_at_the_policy_face(site):
    """It is limited like all, and noted as what it is."""
    one = site.policyd("one", ban_action="HOLD %{key}")
    ctl(one, "ban", "sasl:eve", "1h", "stolen")
    with Control(one) as onlooker:
        assert onlooker.ask("watch", refused=True)["ok"]
        assert [login(one, "eve") for _ in range(3)] == \
            2 * ["HOLD login eve"] + \
            ["450 4.7.1 Error: too many recipients from login eve"]
        lines = [onlooker.read() for _ in range(3)]
    assert [(it["verdict"], it["reason"], it["key"]) for it in lines] == \
        2 * [("hold", "banned", "sasl:eve")] + \
        [("refuse", "limit", "sasl:eve")]
    assert " key=sasl:eve retry_after=" in re.findall(
        r"decision .*verdict=hold reason=banned", one.process.text())[0]
    [decision] = asked(one, "explain", "face=policy", "event=message",
                       "client=192.0.2.1", "sasl=eve")["decisions"] or [None]
    assert (decision["verdict"], decision["reply"]) == \
        ("hold", "HOLD login eve")


def test_a_ban_has_an_action_of_its_own(site, end_pid):
    site.sections = []
    one = site.policyd("one", ban_action="451 4.7.1 by default")
    said = ctl(one, "ban", "sasl:eve", "--action", "HOLD %{key}", "1h",
               "looks", "stolen")
    assert said.startswith("sasl:eve is banned (HOLD %{key}) for 1h")
    ctl(one, "ban", "--action", "REJECT gone for %{retry_after}",
        "sasl:mallory")
    ctl(one, "ban", "sasl:carol")

    def is_obeyed(daemon):
        return login(daemon, "eve") == "HOLD login eve" and \
            login(daemon, "mallory").startswith("REJECT gone for 3") and \
            login(daemon, "carol") == "451 4.7.1 by default" and \
            login(daemon, "bob") == "DUNNO"
    assert is_obeyed(one)
    if site.redis:
        two = site.policyd("two", ban_action="451 4.7.1 by default")
        within_a_second(lambda: is_obeyed(two), "two obeys")
    assert {it["key"]: it.get("action") for it in asked(one, "bans")["bans"]} \
        == {"sasl:carol": None, "sasl:eve": "HOLD %{key}",
            "sasl:mallory": "REJECT gone for %{retry_after}"}
    assert re.search(r"sasl:eve .* HOLD %{key} +looks stolen",
                     ctl(one, "bans"))
    assert "more: looks stolen (HOLD %{key})\n" in ctl(one, "show", "sasl:eve")
    [decision] = asked(one, "explain", "face=policy", "event=recipient",
                       "client=192.0.2.1", "sasl=eve")["decisions"]
    assert (decision["verdict"], decision["reply"]) == (
        "hold", "HOLD login eve")
    [check] = [it for it in decision["checks"] if it["check"] == "ban"]
    assert check["outcome"] == "holds"
    assert check["text"].endswith(": looks stolen; action: HOLD %{key}")
    # Another order takes the first one's place; a successor knows it.
    ctl(one, "ban", "sasl:mallory", "--action", "550 5.7.1 closed")
    end_pid(one.hand_over())
    assert login(one, "eve") == "HOLD login eve"
    assert login(one, "mallory") == "550 5.7.1 closed"


@pytest.mark.parametrize("words, action_, reason", [
    ("--action=HOLD sasl:eve 7d stolen", "HOLD", "stolen"),
    ("sasl:eve --action HOLD 7d", "HOLD", ""),
    ("sasl:eve 7d --action=HOLD looks stolen", "HOLD", "looks stolen"),
    ("--action HOLD -- sasl:eve 7d --action was forgotten", "HOLD",
     "--action was forgotten"),
    ("sasl:eve 7d -- -x y", None, "-x y"),
    ("sasl:eve 7d - a -b -- c", None, "- a -b -- c"),
    ("sasl:eve --automatic 7d", None, ""),
    ("sasl:eve 7d --automatic", None, ""),
])
def test_options_of_a_ban(one_for_all, words, action_, reason):
    """Wherever they stand, but for the reason."""
    ctl(one_for_all, "ban", *words.split())
    [ban] = asked(one_for_all, "bans")["bans"]
    ctl(one_for_all, "unban", "sasl:eve")
    assert (ban["key"], ban.get("action"), ban["reason"]) == (
        "sasl:eve", action_, reason)
    assert 7 * 86400 - 60 < ban["seconds"] <= 7 * 86400


def test_what_fail2ban_bans_for_ever(one_for_all):
    """Its bantime = -1."""
    words = (TOP / "conf/fail2ban/action.d/tollgate.conf").read_text()
    [order] = re.findall(r"^actionban = tollgatectl (.*)$", words, re.M)
    for bantime, seconds in ("600", 600), ("-1", 366 * 86400):
        ctl(one_for_all, *order.replace("<ip>", "192.0.2.1").replace(
            "<bantime>", bantime).split())
        [ban] = asked(one_for_all, "bans")["bans"]
        ctl(one_for_all, "unban", "192.0.2.1", "--automatic")
        assert ban["reason"] == "fail2ban"
        assert seconds - 60 < ban["seconds"] <= seconds


def test_an_action_that_another_wrote_lets_nothing_pass(shared):
    """Redis may say what it likes."""
    one = shared.policyd("one")
    ctl(one, "ban", "sasl:eve", "--action", "HOLD", "1h", "stolen")
    [key] = [key for key in shared.redis.cli("keys", "tollgate:*").split()
             if shared.redis.cli("type", key).strip() == "hash" and
             shared.redis.cli("hexists", key, "bsasl:eve").strip() == "1"]
    text = shared.redis.cli("hget", key, "bsasl:eve").rstrip("\n")
    assert text.endswith("\tstolen\tHOLD")
    shared.redis.cli("hset", key, "bsasl:eve",
                     text.removesuffix("HOLD") + "OK")
    two = shared.policyd("two")
    within_a_second(lambda: login(two, "eve") == ACCOUNT, "the default")
    # The first may have read it again meanwhile.
    assert login(one, "eve") in ("HOLD", ACCOUNT)


@pytest.mark.parametrize("words, text", [
    (("sasl:eve", "--action", "OK"), "does not refuse"),
    (("sasl:eve", "--action", "550 %{limit}"), "unknown %{} in it: %{limit}"),
    (("sasl:eve", "--action", "550 " + "x" * 200), "longer than 159 bytes"),
    (("198.51.100.7", "--action", "HOLD"), "a network is refused"),
    (("sasl:eve", "--action"), "HOLD, or a reply that refuses"),
])
def test_what_an_action_cannot_be(one_for_all, words, text):
    assert text in refused(one_for_all, "ban", *words)
    assert asked(one_for_all, "bans")["bans"] == []


@pytest.mark.parametrize("action_, text", [
    ("OK", "does not refuse"), ("DUNNO", "does not refuse"),
    ("550 %{rate}", "unknown %{} in it: %{rate}"),
    ("HOLD %{limit}", "unknown %{} in it: %{limit}"),
])
def test_what_ban_action_cannot_be(one_for_all, action_, text):
    one_for_all.write_config(ban_action=action_)
    assert text in refused(one_for_all, "reload")
    one_for_all.write_config()
