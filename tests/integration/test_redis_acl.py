"""The Redis user that tollgate.conf(5) prints: it suffices for all that we do
there, and none of its rights is there in vain."""
import re

import pytest

from harness.attributes import Anvil, Policy
from harness.control import asked
from harness.policyd import TOP, Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.redis_watch import wait_available
from harness.wait import PATIENT, wait_until

PASSWORD = "s3cret-of-the-test"


def rights_in_manual():
    """The words after ACL SETUSER in the manual page."""
    page = (TOP / "doc/tollgate.conf.5").read_text()
    block = re.search(r"\nACL SETUSER (.*?)\n\.Ed", page, re.DOTALL).group(1)
    return block.replace("PASSWORD", PASSWORD).split()


def user_of(rights):
    return {"store_username": rights[0], "store_password": PASSWORD}


@pytest.fixture
def store(place, keep):
    server = keep(RedisServer(place / "redis"))
    server.cli("acl", "setuser", "admin", "on", f">{PASSWORD}", "~*", "&*",
               "+@all")
    return server


def stats(store):
    """The default user may be off, as on a server that is shut to others."""
    return store.cli("--user", "admin", "--pass", PASSWORD,
                     "--no-auth-warning", "info", "commandstats")


def use_everything(policyd, place, client):
    """Every kind of counter, reached, refused and given back; notes."""
    with Anvil(place / "anvil") as smtpd:
        assert smtpd.event("connect", client)["count"] == 1
        assert smtpd.event("message", client)["rate"] == 1
        assert smtpd.event("lookup", client)["count"] == 1
        smtpd.event("disconnect", client)
    with Policy(place / "policy") as smtpd:
        said = [smtpd.rcpt(client, sasl_username="bob", instance=f"{i}.1.2.0")
                for i in range(3)]
    assert [action.split(" ")[0] for action in said] == \
        ["DUNNO", "DUNNO", "450"]
    with Policy(place / "policy") as smtpd:
        # The message is known from another connection: not counted again.
        assert smtpd.rcpt(client, sasl_username="bob",
                          instance="0.1.2.0").startswith("DUNNO")
    asked(policyd, "ban", "192.0.2.2", "1h")
    asked(policyd, "unban", "192.0.2.2")
    asked(policyd, "ban", "192.0.2.1", "1s")
    asked(policyd, "reset", client)

    def is_forgotten():
        """What is over goes when something else is written."""
        asked(policyd, "ban", "192.0.2.2", "1h")
        return "cmdstat_zrem:" in stats(policyd.store)
    wait_until(is_forgotten, 10, "the first ban is over")


def test_the_user_in_the_manual_suffices_and_has_nothing_more(
        place, keep, client, store):
    rights = rights_in_manual()
    store.cli("acl", "setuser", *rights)
    store.cli("acl", "setuser", "default", "off")
    limits = [("limit", "user", {
        "event": "message", "key": ["sasl_username"], "rate": "2/1m"})]
    # Over inet, smtpd processes of many machines ask: notes are shared.
    inet = f"policy:inet:127.0.0.1:{free_port()}"
    place.chmod(0o777)
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy", inet,
                            f"anvil:unix:{place}/anvil"],
        options={"store": store.url, **PATIENT, **user_of(rights)},
        sections=limits))
    wait_available(policyd)
    policyd.store = store
    use_everything(policyd, place, client)
    wait_until(lambda: "cmdstat_del:" in stats(store), 5,
               lambda: "places are given back:\n" + stats(store))
    assert policyd.metric("tollgate_store_failures_total") == 0
    assert "NOPERM" not in policyd.process.text()
    used = set(re.findall(r"cmdstat_([^:]+):", stats(store)))
    granted = {right[1:] for right in rights if right.startswith("+")}
    # HMGET reads what other daemons show; here is only one.
    assert granted - used - {"hmget"} == set()


@pytest.mark.parametrize("missing", ["-evalsha", "-psetex", "resetkeys"])
def test_a_missing_right_is_named(start, place, client, store, missing):
    rights = rights_in_manual()
    store.cli("acl", "setuser", *rights, missing)
    policyd = start(store=store.url, **user_of(rights))
    policyd.process.wait_output("is unavailable: ")
    assert re.search("NOPERM|acl|permission|user executing",
                     policyd.process.text(), re.IGNORECASE)
    # Each machine counts for itself; the right comes, and all is well.
    with Anvil(place / "anvil") as smtpd:
        assert smtpd.event("message", client)["rate"] == 1
    store.cli("acl", "setuser", *rights)
    wait_available(policyd, 5)


def test_without_the_right_to_tell_decisions_go_on(
        start, place, client, store):
    """notify alone needs it then: it is named, and the store stays in use."""
    rights = rights_in_manual()
    store.cli("acl", "setuser", *rights, "-eval")
    policyd = start(
        ("limit", "user", {"event": "recipient", "key": ["sasl_username"],
                           "rate": "1/1m", "notify": ["/bin/true"]}),
        store=store.url, **PATIENT, **user_of(rights))
    wait_available(policyd)
    with Policy(place / "policy") as smtpd:
        said = [smtpd.rcpt(client, sasl_username="bob") for _ in range(3)]
    assert [action.split(" ")[0] for action in said] == \
        ["DUNNO", "450", "450"]
    sent = 'tollgate_notifications_total{result="sent"} 1\n'
    wait_until(lambda: sent in policyd.get("/metrics")[1], 10, "it was told")
    assert policyd.has_store()
    assert policyd.metric("tollgate_store_unavailable_decisions_total") == 0
    assert "is unavailable" not in policyd.process.text()


def test_a_wrong_password_is_said_without_it(start, place, client, store):
    rights = rights_in_manual()
    store.cli("acl", "setuser", *rights)
    wrong = "not-the-s3cret-of-the-test"
    policyd = start(store=store.url, store_username=rights[0],
                    store_password=wrong)
    policyd.process.wait_output("AUTH refused: WRONGPASS")
    with Anvil(place / "anvil") as smtpd:
        assert smtpd.event("message", client)["rate"] == 1
    store.cli("acl", "setuser", rights[0], f">{wrong}")
    wait_available(policyd, 5)
    assert wrong not in policyd.process.text()


def test_another_database_needs_select(start, store):
    rights = rights_in_manual()
    store.cli("acl", "setuser", *rights)
    policyd = start(store=f"{store.url}/3", **user_of(rights))
    policyd.process.wait_output("SELECT refused: NOPERM")
    store.cli("acl", "setuser", rights[0], "+select")
    wait_available(policyd, 5)
