"""Policy requests over TCP, from Postfixes that share several policyds: what
one has counted of a message, no other counts again."""
import pytest

from harness.attributes import Policy
from harness.policyd import Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.wait import PATIENT, wait_until

LIMITS = [
    ("limit", "mail", {"event": "message", "at": "policy",
                       "key": ["client"], "rate": "2/1h"}),
    ("limit", "rcpt", {"event": "recipient", "at": "policy",
                       "key": ["client"], "rate": "4/1h"}),
]


@pytest.fixture
def start(place, keep):
    def one(name, policyd=None, **options):
        server = ("127.0.0.1", free_port())
        keep(Policyd(
            place / name, [f"policy:inet:{server[0]}:{server[1]}"],
            options={**PATIENT, **options}, sections=LIMITS, policyd=policyd))
        return server
    place.chmod(0o777)
    return one


def ask(server, instance, state="RCPT", **attributes):
    with Policy(server) as smtpd:
        return smtpd.ask(
            request="smtpd_access_policy", protocol_state=state,
            client_address="198.51.100.1", instance=instance,
            sender="sender@client.example", **attributes)["action"][:5]


def test_a_message_is_known_to_all(start, place, keep):
    redis = keep(RedisServer(place / "redis"))
    one, other = (start(name, store=redis.url) for name in ("one", "other"))

    def wait_noted(instance):
        """Two connections to Redis: what is written last may be read first."""
        wait_until(lambda: redis.cli("keys", f"*n|{instance}*").strip(), 5,
                   "it is noted")
    assert ask(one, "1.1") == "DUNNO"
    wait_noted("1.1")
    assert ask(other, "1.1") == "DUNNO"
    assert ask(other, "1.1", "DATA", recipient_count=2) == "DUNNO"
    assert ask(one, "1.1", "END-OF-MESSAGE", recipient_count=2,
               size=1000) == "DUNNO"
    # One message and two recipients so far: one more message, two more.
    assert ask(other, "1.2") == "DUNNO"
    wait_noted("1.2")
    assert ask(one, "1.2") == "DUNNO"
    assert ask(other, "1.2") == "450 4"
    assert ask(one, "1.3") == "450 4"


def test_only_allowed_peers_are_heard(start):
    server = start("one", policyd={"allowed_peers": ["192.0.2.0/24"]})
    with Policy(server) as smtpd:
        assert smtpd.rcpt("198.51.100.2") is None


def test_a_user_of_redis_with_the_least_rights(start, place, keep):
    redis = keep(RedisServer(place / "redis"))
    commands = ("auth select client|setname script|load evalsha time get set "
                "mget psetex hincrby hget pttl pexpireat del").split()
    redis.cli("ACL", "SETUSER", "toll", "on", ">p@ss:w/rd", "~tollgate:*",
              *(f"+{command}" for command in commands))
    url = f"redis://toll:p%40ss%3Aw%2Frd@127.0.0.1:{redis.port}"
    server = start("one", store=url, on_store_failure="defer")
    assert ask(server, "2.1") == "DUNNO"
    assert "{c=198.51.100.1}" in redis.cli("KEYS", "*")
