"""notify by sendmail(1) of a real Postfix: the postmaster and the owner of a
login have mail."""
import grp
import os
import pwd
import re

import pytest

from harness.attributes import Policy
from harness.notice_mail import notice_mail
from harness.policyd import Policyd
from harness.wait import wait_until


@pytest.fixture
def postfix(place, keep):
    postfix = notice_mail(place, keep)
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


def test_postmaster_and_the_owner_have_mail(place, policyd, postfix):
    with Policy(place / "policy") as smtpd:
        said = [smtpd.rcpt("198.51.100.7", sasl_username="bob@test.example")
                for _ in range(3)]
    assert [action.split()[0] for action in said] == ["DUNNO", "450", "450"]
    wait_until(lambda: postfix.held(), 30,
               lambda: "mail has come:\n" + policyd.process.text())
    queue_id, = postfix.held()
    text = postfix.command("postcat", "-q", queue_id)
    assert re.findall(r"^recipient: (.*)$", text, re.M) == [
        "postmaster@test.example", "bob@test.example"]
    assert re.search(r"^From: tollgate <postmaster@\S+>$", text, re.M)
    assert "\nkey:      sasl:bob@test.example\n" in text
    wait_until(lambda: policyd.metric("tollgate_notifications_total") == 1, 10,
               "it was counted")
    assert "notify:" not in policyd.process.text()
