"""docker/compose/two-pods, and whatever befalls its containers."""
import concurrent.futures
import subprocess
import time

import pytest

from engine import Project, docker, message, talk
from harness.wait import wait_until

TAKEN = ["220", "250", "250", "250", "354", "250", "221"]
DAEMONS = ("tollgate1", "tollgate2")
POSTFIXES = ("postfix1", "postfix2")


@pytest.fixture(scope="module")
def project():
    project = Project("two-pods")
    yield project
    project.close()


def wait_mail(project):
    wait_until(lambda: project.say("haproxy", 2525, *message()) == TAKEN, 60,
               "mail is taken")


def test_all_are_healthy(project):
    for service in (*DAEMONS, *POSTFIXES):
        project.wait_healthy(service)


def test_mail_comes_through_the_proxy(project):
    wait_mail(project)
    client = project.ctl("tollgate1", "peers") + project.ctl(
        "tollgate2", "peers")
    assert project.address("haproxy") in client


def test_a_limit_is_shared(project):
    """60 connections a minute, at whichever of the two."""
    told = [project.say("haproxy", 2525, "QUIT", client=5)
            for _ in range(62)]
    assert told == 60 * [["220", "221"]] + 2 * [["421"]]


@pytest.mark.parametrize("port", [12525, 10587])
@pytest.mark.parametrize("postfix", POSTFIXES)
def test_a_forged_header_is_refused(project, postfix, port):
    told = project.say(postfix, port, "PROXY TCP4 127.0.0.1 127.0.0.1 1 25",
                       *message())
    assert told == ["421"]


def kill_and_start(project, service):
    """The seconds until it serves again, the engine's own included."""
    container = project.container(service)
    docker("kill", container)
    began = time.monotonic()
    docker("start", container)
    wait_until(lambda: project.serves(service), 60,
               lambda: f"{service} serves: {project.log(service)[-2000:]}")
    return time.monotonic() - began


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_killed_daemon_comes_back(project, daemon):
    took = kill_and_start(project, daemon)
    print(f"{daemon} serves again after {took:.1f} s, with the engine's own")
    wait_mail(project)


def test_a_restart_loses_no_session(project):
    """20 at a time; the container's process is the same one afterwards."""
    before = project.state("tollgate1")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        told = [pool.submit(project.say, "haproxy", 2525, *message(),
                            client=1 + number % 4) for number in range(60)]
        for daemon in DAEMONS:
            project.ctl(daemon, "restart")
        assert [one.result() for one in told] == 60 * [TAKEN]
    after = project.state("tollgate1")
    assert (after["Running"], after["StartedAt"]) == \
        (True, before["StartedAt"])
    # And one that is killed right after it.
    kill_and_start(project, "tollgate1")
    wait_mail(project)


def test_mail_goes_on_without_redis(project):
    docker("stop", "-t", "5", project.container("redis"))
    wait_until(lambda: "AWAY" in project.ctl("tollgate1", "status"), 60,
               "the outage is seen")
    wait_mail(project)
    docker("start", project.container("redis"))
    wait_until(lambda: all("AWAY" not in project.ctl(it, "status")
                           for it in DAEMONS), 60, "Redis is used again")


@pytest.mark.parametrize("postfix", POSTFIXES)
def test_a_killed_postfix_takes_its_daemon_along(project, postfix):
    """They share their processes' namespace: both are started again."""
    daemon = postfix.replace("postfix", "tollgate")
    docker("kill", project.container(postfix))
    wait_until(lambda: not project.state(daemon)["Running"] or
               project.state(daemon)["Restarting"], 60,
               f"{daemon} has ended")
    docker("start", project.container(postfix))
    docker("restart", "-t", "5", project.container(daemon))
    wait_until(lambda: project.serves(daemon), 60, f"{daemon} serves")
    wait_mail(project)


def test_a_gateway_that_hides_the_clients_is_named(project):
    """What comes to the published port over loopback goes through docker's
    userland proxy, and has the address of the bridge."""
    for daemon in DAEMONS:
        docker("restart", "-t", "5", project.container(daemon))
        wait_until(lambda it=daemon: project.serves(it), 60, "it serves")
    for _ in range(24):
        assert talk([], "127.0.0.1", 25, ("QUIT",)) == ["220", "221"]
    status = "".join(project.ctl(it, "status") for it in DAEMONS)
    assert "HIDDEN BY A GATEWAY" in status and "userland-proxy" in status


def test_they_end_properly(project):
    project.compose("stop", "-t", "20")
    for daemon in DAEMONS:
        assert project.state(daemon)["ExitCode"] == 0, project.log(daemon)
    assert subprocess.run(["pgrep", "-f", "tollgate-policyd"],
                          check=False).returncode == 1
