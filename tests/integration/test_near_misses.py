"""What somebody mistyped, or named and has not: said, and what is near."""
import os
import subprocess

import pytest

from harness.control import tollgatectl
from harness.policyd import POLICYD


def check(place, text="shadow = false\n", arguments=(), **environment):
    """-t of such a file."""
    config = place / "tollgate.conf"
    config.write_text(text)
    return subprocess.run(
        [POLICYD, "-t", "-c", config, *arguments], text=True,
        capture_output=True, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize("text, meant", [
    ("stor = \"memory:\"\n", 'did you mean "store"?'),
    ("limt \"a\" { }\n", 'did you mean "limit"?'),
    ("service \"a\" { prot = 25 }\n", 'did you mean "port"?'),
    ("policyd { lisen = { } }\n", 'did you mean "listen"?'),
])
def test_an_option_or_section(place, text, meant):
    done = check(place, text)
    assert done.returncode == 1
    assert meant in done.stderr


def test_an_override(place):
    done = check(place, arguments=["-o", "policyd.htpp="])
    assert done.returncode == 1
    assert 'did you mean "policyd.http"?' in done.stderr


def test_a_variable_of_the_environment(place):
    done = check(place, TOLLGATE_STOR="redis://127.0.0.1",
                 TOLLGATE_STORE_PASWORD_FILE="/nowhere")
    assert done.returncode == 0
    assert ("environment TOLLGATE_STOR: no such option, it does nothing; did "
            "you mean TOLLGATE_STORE?") in done.stderr
    assert "did you mean TOLLGATE_STORE_PASSWORD_FILE?" in done.stderr


def test_no_variable_that_kubernetes_makes(place):
    done = check(place, TOLLGATE_SERVICE_HOST="10.0.0.1",
                 TOLLGATE_SERVICE_PORT="9309", TOLLGATE_PORT="tcp://10.0.0.1",
                 TOLLGATE_PORT_9309_TCP="tcp://10.0.0.1:9309",
                 TOLLGATE_STORE="memory:")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_user_that_is_not_there(place):
    done = check(place, "postfix_user = \"posfix\"\n")
    assert done.returncode == 0
    assert "warning: postfix_user: user posfix: no such user" in done.stderr


def test_a_source_that_is_not_there(place):
    done = check(place, f"""certificate "mail.example.com" {{
        source = "traefik:{place}/acme.json" }}
""")
    assert done.returncode == 0
    assert (f'certificate "mail.example.com": source: {place}/acme.json: No '
            "such file or directory") in done.stderr
    (place / "acme.json").write_text("{}\n")
    assert check(place, (place / "tollgate.conf").read_text()).stderr == ""


def test_a_semicolon(place):
    assert "';' ends nothing here: remove it" in \
        check(place, "shadow = true;\n").stderr


@pytest.mark.parametrize("words, meant", [
    (["staus"], "did you mean status?"),
    (["config", "chekc"], "did you mean config check?"),
    (["frobnicate"], "frobnicate: no such command"),
])
def test_a_command(words, meant):
    done = tollgatectl(*words)
    assert done.returncode == 2
    assert meant in done.stderr


@pytest.mark.parametrize("words, why", [
    ("ban sasl:bob --actoin HOLD 7d", "did you mean --action?"),
    ("ban sasl:bob --actoin=HOLD 7d", "did you mean --action?"),
    ("ban sasl:bob 7d -action HOLD", "did you mean --action?"),
    ("ban --automatc 192.0.2.1 7d", "did you mean --automatic?"),
    ("ban sasl:bob -1s", "-1s: no such option; if it is none, write --"),
    ("ban sasl:bob 7d -x y", "-x: no such option; if it is none, write --"),
    ("ban sasl:bob 7d looks stolen --action HOLD",
     "--action stands before the text"),
    ("ban sasl:bob 7d looks stolen --actoin=HOLD",
     "--action stands before the text"),
    ("ban sasl:bob --action HOLD --action=REJECT", "--action is given twice"),
    ("ban --automatic sasl:bob --automatic", "--automatic is given twice"),
    ("ban --automatic=yes sasl:bob", "--automatic has no value"),
    ("ban sasl:bob --action", "--action needs HOLD, or"),
    ("ban sasl:bob --action=", "--action needs HOLD, or"),
    ("ban sasl:bob --action --automatic 1h", "--action needs HOLD, or"),
    ("ban --action HOLD", "a network, as"),
    ("unban sasl:bob --automatc", "did you mean --automatic?"),
    ("override set day sasl:@x.com 5/1d 1h --totals", "did you mean --total?"),
    ("override set --total day sasl:@x.com 5/1d --total", "given twice"),
    ("override del day --total sasl:@x.com", "--total: no such option"),
    ("top -n 5 -n 6", "-n is given twice"),
    ("top recipient bytes", '"bytes" is too much'),
    ("report --sinse 1d", "did you mean --since?"),
    ("report --since", "--since needs a time"),
    ("report --since 1h --since=2h", "--since is given twice"),
    ("watch --refsed", "did you mean --refused?"),
    ("certs check --witin 14d", "did you mean --within?"),
    ("doctor --postfix-confg /x", "did you mean --postfix-config?"),
])
def test_an_option_of_a_command(words, why):
    """Nothing is asked of a daemon; a ban would be another than was meant."""
    done = tollgatectl(*words.split())
    assert done.returncode == 2
    assert why in done.stderr


def test_where_no_daemon_answered(place):
    for words in (["status"], ["watch"]):
        done = tollgatectl(*words, sockets=[place / "one", place / "two"])
        assert done.returncode == 3
        assert f"no daemon answers at {place}/one or {place}/two\n" in \
            done.stderr
