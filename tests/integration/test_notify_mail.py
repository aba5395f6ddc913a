"""notify by sendmail(1) of a real Postfix: the postmaster and the owner of a
login have mail."""
import grp
import os
import pwd
import re
import subprocess

import pytest

from harness.attributes import Policy
from harness.policyd import Policyd
from harness.ports import free_port
from harness.postfix import Postfix
from harness.wait import wait_until


@pytest.fixture
def postfix(place, keep):
    """What tollgate mails is held, to be looked at."""
    checks = place / "checks"
    checks.write_text("/^Subject: tollgate:/ HOLD\n")
    postfix = Postfix(place / "postfix", port=free_port(), main={
        "header_checks": f"regexp:{checks}"})
    postfix.start()
    keep(postfix)
    # As the package makes them; ours was made by root.
    postdrop = grp.getgrnam("postdrop").gr_gid
    for name, owner, mode in (("maildrop", "postfix", 0o1730),
                              ("public", "postfix", 0o2710)):
        os.chown(postfix.queue / name, pwd.getpwnam(owner).pw_uid, postdrop)
        (postfix.queue / name).chmod(mode)
    return postfix


@pytest.fixture
def policyd(place, keep, postfix):
    """A user without rights can use the system's configuration alone: it is
    this one's, for policyd."""
    place.chmod(0o777)
    return keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        sections=[("limit", "user", {
            "event": "recipient", "key": ["sasl_username"], "rate": "1/1h",
            "notify": ["/usr/sbin/sendmail", "-i", "--",
                       "postmaster@test.example", "%{sasl_username}"]})],
        before=["unshare", "--mount", "sh", "-c",
                f'mount --bind {postfix.etc} /etc/postfix && exec "$@"',
                "sh"]))


def held(postfix):
    done = subprocess.run(["postqueue", "-c", postfix.etc, "-p"], check=True,
                          timeout=60, capture_output=True, text=True)
    return re.findall(r"^(\w+)!", done.stdout, re.M)


def text_of(postfix, queue_id):
    return subprocess.run(["postcat", "-c", postfix.etc, "-q", queue_id],
                          check=True, timeout=60, capture_output=True,
                          text=True).stdout


def test_postmaster_and_the_owner_have_mail(place, policyd, postfix):
    with Policy(place / "policy") as smtpd:
        said = [smtpd.rcpt("198.51.100.7", sasl_username="bob@test.example")
                for _ in range(3)]
    assert [action.split()[0] for action in said] == ["DUNNO", "450", "450"]
    wait_until(lambda: held(postfix), 30,
               lambda: "mail has come:\n" + policyd.process.text())
    queue_id, = held(postfix)
    text = text_of(postfix, queue_id)
    assert re.findall(r"^recipient: (.*)$", text, re.M) == [
        "postmaster@test.example", "bob@test.example"]
    assert re.search(r"^From: tollgate <postmaster@\S+>$", text, re.M)
    assert "\nkey:      sasl:bob@test.example\n" in text
    wait_until(lambda: policyd.metric("tollgate_notifications_total") == 1, 10,
               "it was counted")
    assert "notify:" not in policyd.process.text()
