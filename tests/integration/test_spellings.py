"""One person, many spellings: whatever Postfix delivers to one mailbox, or
queues from one sender, has one counter, at the policy face and the milter."""
import pytest

from harness.attributes import Policy
from harness.policyd import Milter, Policyd
from harness.ports import free_port
from harness.postfix import Postfix
from harness.smtp import Smtp

# Each is the same mailbox to Postfix, with recipient_delimiter = +.
SPELLINGS = [
    "<{0}@{1}>", "<{2}@{1}>", "<{0}@{3}>", '<"{0}"@{1}>', '<"{4}"@{1}>',
    "<{0}@{1}(x1)>", "<(x){0}@{1}>", "<{0}(x3)@{1}>", "<{0} @{1}>",
    "<{0}@ {1}>", "<{0}@{1}.>", "<@relay.example:{0}@{1}>",
    "<@a.example,@b.example:{0}@{1}>", "<{0}+one@{1}>", '<"{0}+two"@{1}>',
    "<{0}%{1}>",
]
LIMIT = 2


def spelled(user, domain):
    return [one.format(user, domain, user.upper(), domain.title(),
                       user[0] + "\\" + user[1:]) for one in SPELLINGS]


class Host:
    def __init__(self, directory, keep, face):
        directory.mkdir()
        directory.chmod(0o755)
        limits = [("limit", key, {
            "at": face, "event": event, "key": [key], "rate": f"{LIMIT}/1h"})
            for key, event in (("sender", "message"),
                               ("recipient", "recipient"))]
        more = {"options": {"recipient_delimiter": "+",
                            "client_limits_at": "milter"},
                "sections": limits}
        main = {"recipient_delimiter": "+", "strict_rfc821_envelopes": "no",
                "local_recipient_maps": "", "smtpd_recipient_restrictions":
                "permit_mynetworks, reject_unauth_destination"}
        if face == "milter":
            self.daemon = keep(Milter(directory / "milter", **more))
            main = self.daemon.main_cf(**main)
        else:
            policy = directory / "policy"
            self.daemon = keep(Policyd(
                directory / "policyd", [f"policy:unix:{policy}"], **more))
            ask = f"check_policy_service unix:{policy}"
            main["smtpd_recipient_restrictions"] = \
                f"{ask}, {main['smtpd_recipient_restrictions']}"
            main["smtpd_end_of_data_restrictions"] = ask
        self.postfix = keep(Postfix(
            directory / "postfix", port=free_port(), name=face, main=main))
        self.postfix.start()

    def send(self, sender, recipient):
        """The first refusal, or 250."""
        with Smtp(self.postfix.server) as session:
            session.hello()
            for line in (f"MAIL FROM:{sender}", f"RCPT TO:{recipient}"):
                code = session.command(line)
                if code != "250":
                    return code, session.text
            assert session.command("DATA") == "354", session.text
            code = session.command("Subject: x\r\n\r\nx\r\n.")
            return code, session.text


@pytest.fixture(scope="module", params=["policy", "milter"])
def host(request, places, keeps):
    return Host(places / request.param, keeps, request.param)


def test_a_recipient(host):
    """Senders differ, so that theirs is no limit here."""
    answers = [host.send(f"<s{n}@client.example>", spelling)
               for n, spelling in enumerate(spelled("victim", "test.example"))]
    codes = [code for code, _ in answers]
    assert codes == ["250"] * LIMIT + ["450"] * (len(codes) - LIMIT), answers


def test_a_sender(host):
    answers = [host.send(spelling, f"<r{n}@test.example>")
               for n, spelling in enumerate(spelled("bob", "sender.example"))]
    codes = [code for code, _ in answers]
    assert codes == ["250"] * LIMIT + ["450"] * (len(codes) - LIMIT), answers


def test_others_are_others(host):
    """What Postfix tells apart has counters of its own."""
    for user in ("carol", "carol.x", "car", "dcarol"):
        assert host.send("<>", f"<{user}@test.example>")[0] == "250", user
        assert host.send("<>", f"<{user}@test.example>")[0] == "250", user
        assert host.send("<>", f"<{user}@test.example>")[0] == "450", user


@pytest.mark.parametrize("options, spellings, neighbour", [
    ({}, ["203.0.113.5", "64:ff9b::203.0.113.5", "64:ff9b::cb00:7105",
          "::ffff:203.0.113.5"], "64:ff9b::203.0.113.6"),
    ({"nat64_prefixes": ["2001:db8:64::/96"]},
     ["203.0.113.5", "2001:db8:64::cb00:7105"], "2001:db8:64::cb00:7106"),
])
def test_a_client_behind_a_translator(start, place, options, spellings,
                                      neighbour):
    """NAT64 and SIIT: the IPv4 client that the address stands for."""
    start(("limit", "few", {"event": "message", "at": "policy",
                            "key": ["client"], "rate": "1/1h"}), **options)
    with Policy(place / "policy") as smtpd:
        answers = [smtpd.rcpt(client) for client in spellings]
        assert answers[0] == "DUNNO"
        assert {answer[:3] for answer in answers[1:]} == {"450"}, answers
        assert smtpd.rcpt(neighbour) == "DUNNO"
