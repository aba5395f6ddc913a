"""What tollgatectl says when a command cannot be done."""
import pytest

from harness.attributes import Anvil
from harness.control import asked, tollgatectl
from harness.control_pair import LIMITS, SASL_DAY, pair
from harness.policyd import Policyd
from harness.redis_server import RedisServer
from harness.wait import wait_until

WRONG = [
    (["show"], 2, "usage: tollgatectl show KEY"),
    (["show", "a", "b"], 2, "usage: tollgatectl show KEY"),
    (["show", "no-address"], 2, "no-address"),
    (["show", "shoe:size"], 2, "no such kind of key"),
    (["show", "198.51.100.0/16"], 2, "198.51.0.0/16"),
    (["show", "203.0.113.99"], 1, "nothing is counted"),
    (["reset", "203.0.113.99"], 1, "nothing is counted"),
    (["reset"], 2, "usage: tollgatectl reset KEY"),
    (["status", "now"], 2, "usage: tollgatectl status"),
    (["reload", "now"], 2, "usage: tollgatectl reload"),
    (["restart", "now"], 2, "usage: tollgatectl restart"),
    (["peers", "now"], 2, "usage: tollgatectl peers"),
    (["config"], 2, "no such command"),
    (["config", "check", "-n"], 2, "usage: tollgatectl config check"),
    (["certs", "check", "--within"], 2, "usage: tollgatectl certs check"),
    (["certs", "check", "--within", "soon"], 2, "--within: "),
    (["certs", "reload", "now"], 2, "usage: tollgatectl certs reload"),
    (["no", "such"], 2, "no such command"),
    ([], 2, "which command?"),
]


@pytest.mark.parametrize("words, status, text", WRONG,
                         ids=["_".join(words) for words, _, _ in WRONG])
def test_wrong_arguments(pair, words, status, text):
    done = pair.ctl(*words)
    assert done.returncode == status, done.stdout + done.stderr
    assert text in done.stderr
    assert done.stdout == ""


def test_options():
    assert tollgatectl("-h").returncode == 0
    assert tollgatectl("-V").stdout.startswith("tollgatectl ")
    assert tollgatectl("-x").returncode == 2
    done = tollgatectl("status", sockets=["/nonexistent"])
    assert done.returncode == 3
    assert "/nonexistent: No such file" in done.stderr


def test_the_milter_has_no_certificates(pair):
    done = tollgatectl("certs", sockets=[pair.milter])
    assert done.returncode == 1
    assert "no such command here" in done.stderr
    # Of both, the one that knows is meant.
    assert pair.ctl("certs").returncode == 0
    # Both may have TLS to Redis.
    done = pair.ctl("certs", "reload")
    assert done.returncode == 0
    assert done.stdout.count("no certificate section") == 2


def test_the_store_is_away(place, keep, client):
    place.chmod(0o777)
    redis = keep(RedisServer(place / "redis"))
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy",
                            f"anvil:unix:{place}/anvil"],
        options={**LIMITS, "store": redis.url}, sections=[SASL_DAY]))
    smtpd = keep(Anvil(place / "anvil"))
    smtpd.event("connect", client)
    redis.process.kill()
    wait_until(lambda: not asked(policyd, "status")["store"]["available"],
               10, "it is noticed")
    for command in ("show", "reset"):
        done = tollgatectl(command, client, sockets=[policyd])
        assert done.returncode == 1
        assert "the store is away" in done.stderr
    done = tollgatectl("status", sockets=[policyd])
    assert done.returncode == 0 and "AWAY" in done.stdout
    assert tollgatectl("reload", sockets=[policyd]).returncode == 0


def test_restart_that_fails(place, keep):
    policyd = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"]))
    policyd.write_config(lease_ttl="never")
    done = tollgatectl("restart", sockets=[policyd])
    assert done.returncode == 1
    assert "the old process goes on" in done.stderr
    assert asked(policyd, "status")["phase"] == "serving"
