"""notify of a limit: somebody is told of a refusal, once, with no more rights
than a command needs."""
import email
import email.policy
import pwd

import pytest

from harness.attributes import Policy
from harness.control import asked
from harness.edict_site import EdictSite
from harness.redis_server import RedisServer
from harness.redis_watch import wait_available
from harness.wait import stays_true, wait_until

# One file a run, in its place at once.
SCRIPT = """#!/bin/sh
cat > {out}/mail.$$
{{ for word; do echo "argument=$word"; done
env | grep ^TOLLGATE_ | sort
grep -E '^(Uid|Groups|CapPrm|CapAmb):' /proc/self/status
echo "open=$(ls /proc/self/fd | wc -l)"
echo "body=$(base64 -w0 < {out}/mail.$$)"; }} > {out}/part.$$
mv {out}/part.$$ {out}/run.$$
exit "$(cat {status})"
"""


class Command:
    """What notify runs: it keeps how it was run."""

    def __init__(self, place):
        self.out = place / "told"
        self.out.mkdir()
        self.out.chmod(0o777)
        self.status = place / "status"
        self.status.write_text("0")
        self.path = place / "command"
        self.path.write_text(SCRIPT.format(out=self.out, status=self.status))
        self.path.chmod(0o755)

    def argv(self, *words):
        return [self.path, *words]

    def runs(self):
        return sorted(self.out.glob("run.*"), key=lambda it: it.stat().st_mtime)

    def wait(self, count=1):
        """The lines of so many runs."""
        wait_until(lambda: len(self.runs()) >= count, 15, "it was told")
        assert len(self.runs()) == count
        return [run.read_text().splitlines() for run in self.runs()]

    def stays_at(self, count):
        stays_true(lambda: len(self.runs()) == count, 0.5, "nobody else is")


@pytest.fixture
def command(place):
    place.chmod(0o777)
    return Command(place)


def limit(argv, **more):
    return ("limit", "user", {"event": "recipient", "key": ["sasl_username"],
                              "rate": "2/1h", "notify": argv, **more})


def ask(daemon, login, count=1, client="198.51.100.7"):
    with Policy(daemon.policy) as smtpd:
        return [smtpd.rcpt(client, sasl_username=login)
                for _ in range(count)]


def fill(daemon, login):
    """The last one is refused."""
    said = ask(daemon, login, 3)
    assert said[:2] == ["DUNNO", "DUNNO"] and said[2].startswith("450"), said


def value(lines, name):
    return next(line.split("=", 1)[1] for line in lines
                if line.startswith(f"{name}="))


class NotifySite(EdictSite):
    def __init__(self, place, keep, argv, redis=None, **more):
        self.sections = [limit(argv, **more)]
        super().__init__(place, keep, redis)


def test_the_first_refusal_is_told(place, keep, command):
    policyd = NotifySite(place, keep, command.argv(
        "-i", "%{sasl_username}", "a $(b) 'c'", "x-%{limit}")).policyd("one")
    fill(policyd, "Bob@example.com")
    lines, = command.wait()
    assert [line for line in lines if line.startswith("argument=")] == [
        "argument=-i", "argument=Bob@example.com", "argument=a $(b) 'c'",
        "argument=x-user"]
    names = [line.split("=")[0] for line in lines if "TOLLGATE_" in line]
    assert names == [f"TOLLGATE_{name}" for name in (
        "ALLOWED", "CLIENT", "COUNT", "KEY", "LIMIT", "NOTICE",
        "SASL_USERNAME", "UNTIL", "USED", "WINDOW")]
    assert value(lines, "TOLLGATE_KEY") == "sasl:Bob@example.com"
    assert value(lines, "TOLLGATE_CLIENT") == "198.51.100.7"
    assert value(lines, "TOLLGATE_NOTICE") == "refused"
    assert [value(lines, f"TOLLGATE_{name}") for name in (
        "COUNT", "USED", "ALLOWED", "WINDOW")] == ["1", "2", "2", "1h"]
    wait_until(lambda: policyd.metric("tollgate_notifications_total") == 1, 5,
               "it was counted")
    ask(policyd, "Bob@example.com", 5)
    command.stays_at(1)


def test_the_message_can_be_read(place, keep, command):
    policyd = NotifySite(place, keep, command.argv()).policyd("one")
    fill(policyd, "bob@example.com")
    command.wait()
    text, = [path.read_bytes() for path in command.out.glob("mail.*")]
    message = email.message_from_bytes(text, policy=email.policy.default)
    assert message["Subject"] == \
        "tollgate: limit user refused sasl:bob@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime and message["Message-ID"]
    assert not message.defects
    assert "times:    1 since the last message" in message.get_content()


def test_a_command_has_no_rights_but_the_daemons_user(place, keep, command):
    """Not those that we were started with, no capability, no descriptor."""
    policyd = NotifySite(place, keep, command.argv()).policyd("one")
    fill(policyd, "bob")
    lines, = command.wait()
    nobody = pwd.getpwnam("nobody").pw_uid
    assert f"Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}" in lines
    assert [line for line in lines if line.startswith("Groups:")][0].split() \
        == ["Groups:"]
    for name in "CapPrm", "CapAmb":
        assert f"{name}:\t0000000000000000" in lines
    assert value(lines, "open") == "4", "standard ones and that of ls itself"


@pytest.mark.parametrize("login, argument", [
    ("-oQ/tmp", "_-oQ/tmp"),
    ("--output=/tmp/x", "_--output=/tmp/x"),
    ("@/etc/passwd", "_@/etc/passwd"),
    ("bob,eve@example.net", "bob_eve@example.net"),
    ("bob\x7f\rBcc: eve", "bob_x7f_x0dBcc:_eve"),
])
def test_a_login_is_no_option_and_no_header(
        place, keep, command, login, argument):
    policyd = NotifySite(
        place, keep, command.argv("%{sasl_username}")).policyd("one")
    fill(policyd, login)
    lines, = command.wait()
    assert value(lines, "argument") == argument
    text, = [path.read_bytes() for path in command.out.glob("mail.*")]
    message = email.message_from_bytes(text, policy=email.policy.default)
    assert message["Bcc"] is None
    assert len(message.keys()) == 7


def note(redis):
    """(key, what stands there) of what is told; None: nothing yet."""
    keys = [key for key in redis.cli("keys", "tollgate:{n|tell:*").split()]
    return keys[0] if keys else None


def test_one_message_in_the_fleet_and_a_digest(place, keep, command):
    redis = keep(RedisServer(place / "redis"))
    site = NotifySite(place, keep, command.argv(), redis, notify_every="1m")
    one, two = site.policyd("one"), site.policyd("two")
    wait_available(one)
    wait_available(two)
    fill(one, "bob")
    command.wait()
    ask(one, "bob", 2)
    ask(two, "bob", 3)
    key = note(redis)
    wait_until(lambda: redis.cli("hget", key, "n").strip() == "5", 10,
               "both have told the store")
    command.stays_at(1)
    # The minute is over.
    redis.cli("hset", key, "u", "1")
    ask(two, "bob", 1)
    _, digest = command.wait(2)
    assert value(digest, "TOLLGATE_COUNT") == "6"
    command.stays_at(2)


def test_without_the_store_each_daemon_tells_for_itself(
        place, keep, command):
    redis = keep(RedisServer(place / "redis"))
    site = NotifySite(place, keep, command.argv(), redis)
    one = site.policyd("one")
    wait_available(one)
    fill(one, "alice")
    command.wait()
    redis.process.kill()
    wait_until(lambda: not one.has_store(), 10, "the store is away")
    ask(one, "alice", 3)
    fill(one, "bob")
    told = [value(lines, "TOLLGATE_KEY") for lines in command.wait(2)]
    assert told == ["sasl:alice", "sasl:bob"]
    ask(one, "bob", 3)
    command.stays_at(2)


def test_a_failure_is_said_once_and_tried_again(place, keep, command):
    command.status.write_text("3")
    policyd = NotifySite(place, keep, command.argv()).policyd("one")
    fill(policyd, "alice")
    fill(policyd, "bob")
    command.wait(2)
    said = f"notify: {command.path}: exit status 3"
    wait_until(lambda: policyd.metric("tollgate_notifications_total") == 2, 10,
               "both have failed")
    assert policyd.process.text().count(said) == 1


def test_a_command_that_takes_long_delays_no_decision(place, keep):
    """How it is ended at last, test_command_helper.c shows."""
    place.chmod(0o777)
    policyd = NotifySite(place, keep, ["/bin/sleep", "4"]).policyd("one")
    fill(policyd, "alice")
    for number in range(50):
        fill(policyd, f"user{number}")
    assert policyd.metric("tollgate_notifications_total") == 0


NOT_IN_FORCE = 'limit "user": its notify takes effect when the daemon is stopped'


def test_a_reload_cannot_bring_another_command(place, keep, command):
    """It says so, and the former one is told."""
    policyd = NotifySite(place, keep, command.argv()).policyd("one")
    policyd.sections[0][2]["notify"] = ["/bin/touch", place / "new"]
    policyd.write_config()
    for words in ["config", "check"], ["reload"]:
        assert NOT_IN_FORCE in asked(policyd, *words)["warnings"][0]
    assert NOT_IN_FORCE in policyd.process.text()
    fill(policyd, "bob")
    command.wait()
    assert not (place / "new").exists()
    policyd.sections[0][2]["notify"] = command.argv()
    policyd.write_config()
    assert asked(policyd, "reload")["warnings"] == []


def test_nor_can_a_restart(place, keep, command, end_pid):
    policyd = NotifySite(place, keep, command.argv()).policyd("one")
    policyd.sections[0][2]["notify"] = ["/bin/touch", place / "new"]
    policyd.write_config()
    end_pid(policyd.hand_over())
    policyd.process.wait_exit()
    assert NOT_IN_FORCE in policyd.process.text()
    fill(policyd, "bob")
    command.wait()
    assert not (place / "new").exists()


def test_a_limit_that_was_not_there_at_start(place, keep, command):
    site = NotifySite(place, keep, command.argv())
    policyd = site.policyd("one")
    name, _, options = policyd.sections[0]
    policyd.sections[0] = (name, "other", {
        **options, "notify": ["/bin/touch", place / "new"]})
    policyd.write_config()
    assert 'limit "other": its notify' in asked(policyd, "reload")["warnings"][0]
    fill(policyd, "bob")
    policyd.process.wait_output(
        "notify: not a command that the daemon was started with; stop the "
        "daemon and start it")
    assert not (place / "new").exists() and not command.runs()


def test_a_restart_keeps_the_helper(place, keep, command, end_pid):
    policyd = NotifySite(place, keep, command.argv()).policyd("one")
    end_pid(policyd.hand_over())
    policyd.process.wait_exit()
    fill(policyd, "bob")
    lines, = command.wait()
    assert f"Uid:\t{pwd.getpwnam('nobody').pw_uid}" in "\n".join(lines)


def test_during_a_hand_over_both_have_their_replies(
        place, keep, command, end_pid):
    slow = ["/bin/sh", "-c", f"sleep 2; exec {command.path}"]
    policyd = NotifySite(place, keep, slow).policyd("one")
    with Policy(policyd.policy) as old:
        for _ in range(3):
            old.rcpt("198.51.100.7", sasl_username="alice")
        end_pid(policyd.hand_over())
        fill(policyd, "bob")
        # Told only when the reply about alice, or bob, is there.
        for _ in range(3):
            old.rcpt("198.51.100.7", sasl_username="carol")
        fill(policyd, "dave")
        wait_until(lambda: len(command.runs()) == 4, 25, "all were told")
        wait_until(lambda: policyd.metric("tollgate_notifications_total") == 2,
                   10, "the replies have come")
    assert "does not answer" not in policyd.process.text()


def test_a_shadow_says_that_nothing_was_refused(place, keep, command):
    policyd = NotifySite(
        place, keep, command.argv(), shadow=True).policyd("one")
    assert ask(policyd, "bob", 3) == ["DUNNO"] * 3
    lines, = command.wait()
    assert value(lines, "TOLLGATE_NOTICE") == "would-refuse"
    text, = [path.read_text() for path in command.out.glob("mail.*")]
    assert "The limit is a shadow: nothing was refused." in text


def test_what_is_held_is_not_told_as_refused(place, keep, command):
    policyd = NotifySite(
        place, keep, command.argv(), on_refusal=["hold"]).policyd("one")
    assert ask(policyd, "bob", 3)[-1].startswith("HOLD")
    lines, = command.wait()
    assert value(lines, "TOLLGATE_NOTICE") == "held"
    text, = [path.read_text() for path in command.out.glob("mail.*")]
    assert "Subject: tollgate: limit user held sasl:bob\n" in text
    assert "waits in Postfix's hold queue" in text


def test_a_warning_comes_before_a_refusal(either_store, place, keep, command):
    policyd = NotifySite(place, keep, command.argv(), either_store,
                         notify_at="50%", rate="4/1h").policyd("one")
    if either_store:
        wait_available(policyd)
    assert ask(policyd, "bob", 1) == ["DUNNO"]
    command.stays_at(0)
    assert ask(policyd, "bob", 1) == ["DUNNO"]
    warning, = command.wait()
    assert [value(warning, f"TOLLGATE_{name}") for name in (
        "NOTICE", "USED", "ALLOWED")] == ["warned", "2", "4"]
    assert ask(policyd, "bob", 3)[-1].startswith("450")
    _, refusal = command.wait(2)
    assert value(refusal, "TOLLGATE_NOTICE") == "refused"
    text = sorted(path.read_text() for path in command.out.glob("mail.*"))[0]
    assert "A warning: nothing was refused yet." in text


@pytest.mark.parametrize("more, said", [
    ({"notify": ["/bin/true"], "notify_at": "80"}, '"80" is no share'),
    ({"notify": ["/bin/true"], "notify_at": "100%"}, '"100%" is no share'),
    ({"notify": [], "notify_at": "80%"}, "of nothing; set notify too"),
    ({"notify": ["sendmail", "root"]},
     'notify: "sendmail" is no absolute path'),
    ({"notify": ["/bin/true", "%{sender}"]}, 'unknown "%{sender}"; allowed:'),
    ({"notify": ["/bin/true", "%{sasl_username}"], "key": ["client"]},
     "%{sasl_username} without a login; add sasl_username to key"),
    ({"notify": ["/bin/%{limit}"]}, "the command itself has to be named"),
    ({"notify": [], "notify_every": "2h"}, "of nothing; set notify too"),
    ({"notify": ["/bin/true"], "notify_every": "5s"}, "out of range"),
])
def test_what_cannot_be_meant_is_an_error(place, keep, more, said):
    place.chmod(0o777)
    site = NotifySite(place, keep, [], **more)
    with pytest.raises(AssertionError) as error:
        site.policyd("one")
    assert said in str(error.value)
