"""Reload and restart: nobody loses a connection, an answer or a count."""
import contextlib
import os
import signal
import subprocess

from harness.attributes import Anvil, Policy
from harness.policy_load import Load
from harness.policyd import POLICYD, render
from harness.process import Process, running_with
from harness.redis_server import RedisServer
from harness.wait import PATIENT, wait_until

LIMIT = {"client_limits_at": "policy", "client_message_rate_limit": 3}


def hang_up(policyd, times):
    """HUP; waits until it has been carried out, well or not."""
    before = policyd.metric("tollgate_reloads_total") + \
        policyd.metric("tollgate_reload_failures_total")
    policyd.process.signal(signal.SIGHUP)
    wait_until(lambda: policyd.metric("tollgate_reloads_total")
               + policyd.metric("tollgate_reload_failures_total")
               == before + times, 5, "the reload has been carried out")


def test_reload_takes_the_new_limit_and_keeps_counts(start, place):
    policyd = start(**LIMIT)
    with Policy(place / "policy") as smtpd:
        assert [smtpd.rcpt("198.51.100.1") for _ in range(3)] == ["DUNNO"] * 3
        assert smtpd.rcpt("198.51.100.1").startswith("450 4.7.1 ")
        policyd.write_config(client_message_rate_limit=5)
        hang_up(policyd, 1)
        # The same connection, the same window: two more and no third.
        assert [smtpd.rcpt("198.51.100.1")[:5] for _ in range(3)] == \
            ["DUNNO", "DUNNO", "450 4"]


def test_a_bad_configuration_changes_nothing(start, place):
    policyd = start(**LIMIT)
    with Policy(place / "policy") as smtpd:
        assert smtpd.rcpt("198.51.100.2") == "DUNNO"
        policyd.write_config(client_message_rate_limit=-5)
        before, _ = policyd.config.read_text().split("client_message_rate")
        line = 1 + before.count("\n")
        hang_up(policyd, 1)
        assert policyd.metric("tollgate_reload_failures_total") == 1
        policyd.process.wait_output(
            f"tollgate.conf:{line}: client_message_rate_limit: ")
        policyd.process.wait_output("the old configuration stays")
        assert [smtpd.rcpt("198.51.100.2")[:5] for _ in range(3)] == \
            ["DUNNO", "DUNNO", "450 4"]


def test_a_log_file_that_root_made_is_opened_again(start, place):
    """The daemon is root no more when it reloads, and the file was rotated."""
    policyd = start(log=f"file:{place}/log", **LIMIT)
    hang_up(policyd, 1)
    assert policyd.metric("tollgate_reloads_total") == 1
    os.rename(place / "log", place / "log.1")
    hang_up(policyd, 1)
    assert "reload: configuration" in (place / "log").read_text()


def test_no_log_through_a_planted_link(place, keep):
    """By whoever owns the folder: root would make a file of root's there."""
    folder, target = place / "logs", place / "of-root"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    (folder / "log").symlink_to(target)
    (place / "policyd").mkdir()
    config = place / "planted.conf"
    config.write_text(render(
        {"user": "nobody", "group": "nogroup", "log": f"file:{folder}/log"},
        [("policyd", None, {"listen": [f"policy:unix:{place}/policy"],
                            "control": "", "http": ""})]))
    policyd = keep(Process([POLICYD, "-c", config], place / "output"))
    assert policyd.wait_exit(10) == 2
    assert "a link in a folder that others than root may write to" \
        in policyd.text()
    assert not target.exists()


def test_an_option_for_the_next_start_is_named(start):
    policyd = start(**LIMIT)
    policyd.write_config(store_prefix="other")
    hang_up(policyd, 1)
    policyd.process.wait_output(
        "reload: store_prefix takes effect at the next restart")


def test_a_hundred_reloads_under_load(start, place):
    policyd = start(**{**LIMIT, "client_message_rate_limit": 1000000})
    load = Load(place / "policy")
    for number in range(100):
        policyd.write_config(client_recipient_rate_limit=1000000 + number)
        hang_up(policyd, 1)
    load.end()
    assert policyd.metric("tollgate_reloads_total") == 100


def test_reloads_make_no_daemon_larger(start, is_sanitized):
    """A file takes as much as there is in it, not as much as may be."""
    policyd = start(**LIMIT)
    before = policyd.process.resident_kib()
    for number in range(12):
        policyd.write_config(client_message_rate_limit=4 + number)
        hang_up(policyd, 1)
    grown = policyd.process.resident_kib() - before
    # A sanitizer keeps what was freed for a while.
    assert is_sanitized or grown < 512


def test_restart_under_load_loses_no_request(start, place, end_pid):
    policyd = start(**{**LIMIT, "client_message_rate_limit": 1000000})
    load = Load(place / "policy")
    load.wait_for(200)
    end_pid(policyd.hand_over())
    load.wait_for(2000)
    assert policyd.process.is_running()  # four connections are kept open
    load.end()
    assert policyd.process.wait_exit(10) == 0
    wait_until(policyd.is_ready_now, 10, "the successor is ready")


def test_restart_keeps_counts_and_places(start, place, keep, end_pid):
    store = keep(RedisServer(place / "redis")).url
    policyd = start(store=store, client_limits_at="anvil",
                    client_connection_count_limit=3,
                    client_message_rate_limit=3, **PATIENT)
    client = "198.51.100.3"
    old = keep(Anvil(place / "anvil"))
    assert old.event("connect", client)["count"] == 1
    assert old.event("message", client)["rate"] == 1
    end_pid(policyd.hand_over())
    new = keep(Anvil(place / "anvil"))
    assert new.event("connect", client)["count"] == 2
    assert new.event("message", client)["rate"] == 2
    # The old session goes on where it is, and gives its place back there.
    assert old.event("message", client)["rate"] == 3
    assert old.event("message", client)["rate"] == 2147483647
    assert old.event("disconnect", client) == {"status": 0}
    assert policyd.process.wait_exit(10) == 0
    assert new.event("disconnect", client) == {"status": 0}
    assert new.event("connect", client)["count"] == 1


def test_the_first_question_finds_the_counts_of_others(start, place, keep):
    """A daemon that starts waits a moment for a Redis that is slow."""
    redis = keep(RedisServer(place / "redis"))
    policyd = start(store=redis.url, **LIMIT)
    with Policy(place / "policy") as smtpd:
        assert [smtpd.rcpt("198.51.100.8") for _ in range(3)] == ["DUNNO"] * 3
    policyd.stop()
    redis.process.freeze()
    policyd.process.start()
    wait_until(lambda: policyd.get("/healthz")[0], 5, "policyd is alive")
    redis.process.thaw()
    policyd.wait_ready()
    with Policy(place / "policy") as smtpd:
        assert smtpd.rcpt("198.51.100.8").startswith("450 4.7.1 ")


def test_a_successor_that_cannot_start_changes_nothing(start, place):
    policyd = start(**LIMIT)
    policyd.write_config(client_message_rate_limit=-5)
    policyd.process.signal(signal.SIGUSR2)
    policyd.process.wait_output("ended before it served; going on")
    wait_until(policyd.is_ready_now, 5, "HTTP is back")
    with Policy(place / "policy") as smtpd:
        assert smtpd.rcpt("198.51.100.4") == "DUNNO"
    policyd.write_config(client_message_rate_limit=3)
    policyd.stop()


def test_term_ends_a_successor_that_does_not_serve_yet(start, place, keep):
    """Else it would go on alone, at a path that is no longer there."""
    redis = keep(RedisServer(place / "redis"))
    policyd = start(store=redis.url, **LIMIT)
    redis.process.freeze()  # so it waits
    policyd.process.signal(signal.SIGUSR2)
    wait_until(lambda: len(running_with(policyd.config)) == 2, 5, "there are two")
    assert policyd.process.terminate(5) == 0
    wait_until(lambda: running_with(policyd.config) == [], 3, "both have gone")
    assert "successor" not in policyd.process.text()


def test_term_closes_idle_smtpds_at_once(start, place, keep):
    policyd = start(drain_timeout="60s")
    idle, busy = keep(Anvil(place / "anvil")), keep(Anvil(place / "anvil"))
    assert busy.event("connect", "198.51.100.5")["count"] == 1
    policyd.process.signal(signal.SIGTERM)
    assert idle.read_reply() is None
    assert busy.event("message", "198.51.100.5")["rate"] == 1
    assert busy.event("disconnect", "198.51.100.5") == {"status": 0}
    assert policyd.process.wait_exit(5) == 0
    assert not (place / "policy").exists()


def test_a_row_of_terms_is_one(start):
    """The last ones come when it has ended all but itself."""
    policyd = start(**LIMIT)
    with contextlib.suppress(ProcessLookupError):
        while policyd.process.is_running():
            policyd.process.signal(signal.SIGTERM)
    assert policyd.process.wait_exit() == 0


def test_the_end_finds_sessions_and_a_question_open(start, place, keep):
    """The resolver of a proxy's name needs the loop after the sessions."""
    policyd = start(("service", "25", {
        "port": 25, "proxied": True, "proof": "optional",
        "trusted_proxies": ["dns:localhost"]}), drain_timeout="100ms")
    busy = keep(Anvil(place / "anvil"))
    assert busy.event("connect", "198.51.100.9")["count"] == 1
    assert policyd.process.terminate(5) == 0
    policyd.process.wait_output("drain_timeout is over")
    policyd.process.wait_output("stopped")


def test_detached_means_serving(start, place, keep, end_pid):
    """-d comes back when requests are answered."""
    policyd = start(log=f"file:{place}/log")
    policyd.stop()
    policyd.process.argv.append("-d")
    policyd.process.start()
    assert policyd.process.wait_exit(10) == 0
    smtpd = keep(Policy(place / "policy"))
    assert smtpd.rcpt("198.51.100.6") == "DUNNO"
    pid = only_one(policyd)
    smtpd.close()
    end_pid(pid)


def only_one(policyd):
    """The daemon's pid, once whoever started it has gone."""
    def found():
        pids = running_with(policyd.config)
        return pids[0] if len(pids) == 1 else None
    return wait_until(found, 10, "one is left")


def test_a_detached_daemon_hands_over_too(start, place, keep, end_pid):
    """-d in the arguments of the successor: the same socket all the time."""
    policyd = start(log=f"file:{place}/log", **LIMIT)
    policyd.stop()
    # Whoever reads our output to its end is not kept waiting either.
    subprocess.run([*policyd.process.argv, "-d"], check=True, timeout=10,
                   stdin=subprocess.DEVNULL, capture_output=True)
    pid = only_one(policyd)
    inode = os.stat(place / "policy").st_ino
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: pid not in running_with(policyd.config), 10, "the old one ends")
    successor = only_one(policyd)
    end_pid(successor)
    assert os.stat(place / "policy").st_ino == inode
    assert f"successor {successor} serves" in (place / "log").read_text()
    smtpd = keep(Policy(place / "policy"))
    assert smtpd.rcpt("198.51.100.7") == "DUNNO"
    smtpd.close()


def test_root_may_stay_root_over_a_hand_over(start, place, end_pid):
    """The successor has no right to change its user any more, nor need to."""
    policyd = start(user="root", group="root", **LIMIT)
    end_pid(policyd.hand_over())
    assert policyd.process.wait_exit(10) == 0
    wait_until(policyd.is_ready_now, 10, "the successor is ready")
    with Policy(place / "policy") as smtpd:
        assert smtpd.rcpt("198.51.100.9") == "DUNNO"
