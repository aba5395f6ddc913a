"""A stolen login at night: two machines, each a Postfix with its policyd, one
Redis and a Dovecot that lets in whoever has the password. The thief comes from
one network after the other, at both machines; others send beside him."""
import itertools
import re
import shutil

import pytest

from harness.control import asked, tollgatectl
from harness.dovecot import Dovecot
from harness.policyd import TOP, Policyd
from harness.ports import free_port
from harness.postfix import Postfix
from harness.redis_server import RedisServer
from harness.redis_watch import wait_available
from harness.sasl_server import log_in
from harness.smtp import Smtp
from harness.wait import PATIENT, wait_until, within_a_second

# Recipients of a login in an hour: beyond the first number they are held,
# beyond the second refused.
HELD, REFUSED = 200, 600
NETWORKS, EACH = 40, 50
HONEST = ["bob@test.example", "carol@test.example"]
THIEVES = ["mallory@test.example", "trudy@test.example", "eve@test.example"]
POSTMASTER = "postmaster@test.example"
ACCOUNT = "your account may not send for now"


class Machine:
    """notice_port: of the Postfix that has the postmaster's mail."""

    def __init__(self, place, keep, name, redis, dovecot, notice_port):
        self.server = ("127.0.0.1", notice_port if name == "mx1"
                       else free_port())
        command = [place / "mail", f"smtp://127.0.0.1:{notice_port}",
                   POSTMASTER]
        rate = {"at": "policy", "event": "recipient",
                "key": ["sasl_username"]}
        self.policyd = keep(Policyd(
            place / name, [f"policy:unix:{place}/{name}/policy"],
            options={"store": redis.url, "instance_name": name, **PATIENT},
            sections=[
                ("limit", "held", {**rate, "rate": f"{HELD}/1h",
                                   "on_refusal": ["hold"],
                                   "notify": command}),
                ("limit", "refused", {**rate, "rate": f"{REFUSED}/1h"})]))
        self.postfix = keep(Postfix(
            place / f"{name}-postfix", port=self.server[1], name=name, main={
                **dovecot.main_cf(),
                "smtpd_recipient_restrictions":
                    f"check_policy_service unix:{place}/{name}/policy",
                "smtpd_authorized_xclient_hosts": "127.0.0.1",
                "header_checks": f"regexp:{place}/checks",
                # Who is refused goes on trying.
                "smtpd_error_sleep_time": "0",
                "smtpd_hard_error_limit": "1000"}))
        self.postfix.start()

    def sent(self, pattern):
        """Of the recipients that match it, whose mail was delivered."""
        return set(re.findall(rf" to=<({pattern})>,.* status=sent ",
                              self.postfix.log.text()))


class Fleet:
    def __init__(self, place, keep):
        place.chmod(0o777)
        shutil.copy(TOP / "conf/notify/mail", place / "mail")
        (place / "checks").write_text("/^Subject: tollgate:/ INFO\n")
        self.redis = keep(RedisServer(place / "redis"))
        dovecot = keep(Dovecot(place / "dovecot", HONEST + THIEVES))
        port = free_port()
        self.machines = [
            Machine(place, keep, name, self.redis, dovecot, port)
            for name in ("mx1", "mx2")]
        self.wait_store()
        self._honest = itertools.count()

    def wait_store(self):
        for machine in self.machines:
            wait_available(machine.policyd)
        # Each knows of the other, by whom its share is divided.
        wait_until(lambda: all(
            asked(it.policyd, "status")["store"]["serving"]["policy"] == 2
            for it in self.machines), 20, "they know each other")

    def held(self):
        return {(machine, queue_id) for machine in self.machines
                for queue_id in machine.postfix.held()}

    def sent(self, pattern):
        return set().union(*(it.sent(pattern) for it in self.machines))

    def notices(self, user):
        """Of mails to the postmaster that name him, how many have come."""
        return len(re.findall(
            rf"Subject: tollgate: limit held held sasl:{user} from .*"
            rf" to=<{POSTMASTER}>", self.machines[0].postfix.log.text()))

    def steal(self, user, messages):
        """He sends so many, a network and a machine after the other, while
        others send too; how many recipients were taken of each."""
        return [self._steal_one(user, number) for number in messages]

    def _steal_one(self, user, number):
        machine = self.machines[number % 2]
        name = user.split("@", maxsplit=1)[0]
        victims = [f"{name}-{number}-{n}@test.example" for n in range(EACH)]
        taken = send(machine, user, f"198.18.{number}.7", victims)
        self.send_honest(machine)
        return len(taken)

    def send_honest(self, machine):
        number = next(self._honest)
        name = f"friend-{number}@test.example"
        assert send(machine, HONEST[number % 2], "203.0.113.9", [name]) == [
            name]

    def release_all(self):
        for machine in self.machines:
            machine.postfix.release()
        within_a_second(lambda: not self.held(), "none is held")

    def check_honest(self):
        """Everything of theirs has come through, and was never held."""
        count = next(self._honest)
        wanted = {f"friend-{n}@test.example" for n in range(count)}
        wait_until(lambda: self.sent(r"friend-\d+@test\.example") == wanted,
                   20, "others notice nothing")
        self._honest = itertools.count(count)


def send(machine, user, client, recipients):
    """One message: the recipients that were taken."""
    with Smtp(machine.server) as session:
        session.hello()
        assert session.command(f"XCLIENT ADDR={client}") == "220"
        session.hello()
        assert log_in(session, user) == "235", session.text
        assert session.mail(sender=user) == "250"
        taken = [name for name in recipients if session.rcpt(name) == "250"]
        if taken:
            assert session.command("DATA") == "354"
            assert session.command("Subject: test\r\n\r\nHello\r\n.") == "250"
    return taken


def answer(machine, user):
    """To a recipient; nothing is sent."""
    with Smtp(machine.server) as session:
        session.hello()
        assert log_in(session, user) == "235", session.text
        session.mail(sender=user)
        session.rcpt("answer@test.example")
        return session.text


def ctl(machine, *words):
    done = tollgatectl(*words, sockets=[machine.policyd])
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fleet(places, keeps):
    return Fleet(places, keeps)


def test_a_stolen_login_is_stopped(fleet):
    user = "mallory@test.example"
    one, two = fleet.machines
    taken = fleet.steal(user, range(NETWORKS))
    # 2000 recipients: 200 delivered, 400 held, 1400 refused, on both together.
    assert taken == REFUSED // EACH * [EACH] + \
        (NETWORKS - REFUSED // EACH) * [0]
    held = fleet.held()
    assert len(held) == (REFUSED - HELD) // EACH
    assert {machine for machine, _ in held} == {one, two}
    wait_until(lambda: len(fleet.sent(r"mallory-\S+")) >= HELD, 20,
               "what was before")
    assert len(fleet.sent(r"mallory-\S+")) == HELD
    fleet.check_honest()

    wait_until(lambda: fleet.notices(user) > 0, 20, "somebody is told")
    assert "too many recipients" in answer(one, user)
    ctl(two, "ban", f"sasl:{user}", "1h", "stolen")
    within_a_second(lambda: all(ACCOUNT in answer(it, user)
                                for it in fleet.machines), "on both")
    assert fleet.steal(user, range(2)) == [0, 0]

    # He was honest after all: nothing is lost.
    fleet.release_all()
    wait_until(lambda: len(fleet.sent(r"mallory-\S+")) == REFUSED, 20,
               "what was held is delivered")
    fleet.check_honest()
    assert fleet.notices(user) == 1


def test_a_person_holds_a_login(fleet):
    """Before any limit is full."""
    user = "eve@test.example"
    ctl(fleet.machines[0], "ban", f"sasl:{user}", "--action", "HOLD")
    within_a_second(lambda: all(
        {"HOLD"} == {ban.get("action")
                     for ban in asked(it.policyd, "bans")["bans"]
                     if ban["key"] == f"sasl:{user}"}
        for it in fleet.machines), "both know it")
    assert fleet.steal(user, range(4)) == 4 * [EACH]
    assert len(fleet.held()) == 4 and not fleet.sent(r"eve-\S+")
    ctl(fleet.machines[1], "unban", f"sasl:{user}")
    fleet.release_all()
    wait_until(lambda: len(fleet.sent(r"eve-\S+")) == 4 * EACH, 20,
               "delivered")
    fleet.check_honest()


def test_through_an_outage_of_the_store(fleet):
    """Each machine goes on with its half, from what it let in before; what is
    ordered stays in force, and a Redis that comes back empty is told of it."""
    user = "trudy@test.example"
    one, two = fleet.machines
    ctl(one, "ban", "sasl:eve@test.example", "1h", "stolen")
    within_a_second(lambda: ACCOUNT in answer(two, "eve@test.example"),
                    "on both")
    assert fleet.steal(user, range(2)) == 2 * [EACH]
    fleet.redis.process.kill()
    wait_until(lambda: not any(it.policyd.has_store()
                               for it in fleet.machines), 10, "it is away")
    # 100 of a machine, half of them before: 300, half of them before the
    # first refusal.
    assert fleet.steal(user, range(2, 14)) == 10 * [EACH] + 2 * [0]
    assert len(fleet.held()) == (REFUSED - HELD) // EACH
    wait_until(lambda: len(fleet.sent(r"trudy-\S+")) >= HELD, 20,
               "what was before")
    assert all(ACCOUNT in answer(it, "eve@test.example")
               for it in fleet.machines)
    done = tollgatectl("ban", f"sasl:{user}", sockets=[one.policyd])
    assert done.returncode != 0 and "the store does not answer" in done.stderr
    fleet.check_honest()
    wait_until(lambda: fleet.notices(user) == 2, 20, "each tells for itself")

    fleet.redis.start()
    fleet.wait_store()
    ctl(one, "ban", f"sasl:{user}", "1h", "stolen")
    within_a_second(lambda: all(ACCOUNT in answer(it, user)
                                for it in fleet.machines), "on both")
    assert all(ACCOUNT in answer(it, "eve@test.example")
               for it in fleet.machines)
    assert len(fleet.sent(r"trudy-\S+")) == HELD
    fleet.release_all()
    wait_until(lambda: len(fleet.sent(r"trudy-\S+")) == REFUSED, 20,
               "what was held is delivered")
    fleet.check_honest()
    assert fleet.notices(user) == 2
