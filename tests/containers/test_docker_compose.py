"""The files of docker/compose, and whatever befalls their containers."""
import concurrent.futures
import subprocess
import time

import pytest

from engine import DockerMailserver, SimpleLogin, Traefik, TwoPods, docker
from harness.authority import Authority
from harness.wait import wait_until
from say import FORGED, NAME, TAKEN, message, say

PROJECTS = [TwoPods, Traefik, DockerMailserver, SimpleLogin]

has = pytest.mark.has  # for those projects alone: see conftest.py


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture(scope="module", params=PROJECTS, ids=lambda it: it.folder)
def project(request, tmp_path_factory, authority):
    project = request.param(tmp_path_factory.mktemp("project"))
    request.addfinalizer(project.down)
    project.began = time.monotonic()
    project.start(authority.issue(NAME, start=-2))
    return project


def wait_mail(project):
    wait_until(lambda: project.say(*project.front, *message()) == TAKEN, 60,
               lambda: "mail is taken: " + "".join(
                   project.log(it) for it in project.pairs))


def check_forged(project):
    for postfix in project.pairs.values():
        for port in project.forged_at:
            told = wait_until(lambda at=(postfix, port): project.say(
                *at, FORGED, *message()), 60, f"{postfix} answers")
            assert told == ["421"], (postfix, port)


@has("forged_at")
def test_a_forged_header_is_refused(project):
    project.wait_serving()
    check_forged(project)
    print(f"{project.folder}: {time.monotonic() - project.began:.0f} s from the "
          "first command after the build to here")


def test_all_are_healthy(project):
    for service in project.services:
        if "Health" in project.state(service):
            project.wait_healthy(service)
    assert all("Health" in project.state(it) for it in project.pairs)


def test_mail_comes_through(project):
    wait_mail(project)


@has("forged_at")
def test_the_proxy_is_a_peer(project):
    client = "".join(project.ctl(it, "peers") for it in project.pairs)
    assert project.address(project.front[0]) in client


@has("forged_at")
def test_a_limit_is_kept(project):
    """60 connections a minute, and if there are two machines, of both."""
    told = [project.say(*project.front, "QUIT", client=5)
            for _ in range(62)]
    assert told == 60 * [["220", "221"]] + 2 * [["421"]]


def test_a_killed_container_comes_back(project):
    for service in project.services:
        if project.state(service)["Running"]:
            project.kill(service)
            began = time.monotonic()
            project.wait_serving()
            print(f"{project.folder}: after {service} all serve within "
                  f"{time.monotonic() - began:.1f} s")
            wait_mail(project)
            check_forged(project)


def test_a_restart_loses_no_session(project):
    """20 at a time; the container's process is the same one afterwards. And
    one that is killed right after it."""
    before = {it: project.state(it)["StartedAt"] for it in project.pairs}
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        told = [pool.submit(project.say, *project.front, *message(),
                            client=1 + number % 4) for number in range(60)]
        for daemon in project.pairs:
            project.ctl(daemon, "restart")
        assert [one.result() for one in told] == 60 * [TAKEN]
    for daemon, started in before.items():
        assert project.state(daemon)["StartedAt"] == started
        project.kill(daemon)
    project.wait_serving()
    wait_mail(project)


@has("acme")
def test_a_renewed_certificate_is_served(project, authority):
    before = {it: project.state(it)["StartedAt"] for it in project.services}
    renewed = authority.issue(NAME, start=-1)
    assert not project.serves_certificate(renewed)
    project.renew(renewed)
    wait_until(lambda: project.serves_certificate(renewed), 30,
               lambda: "it is served: " + "".join(
                   project.log(it) for it in project.pairs))
    assert before == {it: project.state(it)["StartedAt"]
                      for it in project.services}


@has("redis")
def test_mail_goes_on_without_redis(project):
    redis = project.container(project.redis)
    docker("stop", "-t", "5", redis)
    wait_until(lambda: all("AWAY" in project.ctl(it, "status")
                           for it in project.pairs), 60, "the outage is seen")
    wait_mail(project)
    docker("start", redis)
    wait_until(lambda: all("AWAY" not in project.ctl(it, "status")
                           for it in project.pairs), 60, "Redis is used again")


@has("publishes")
def test_a_gateway_that_hides_the_clients_is_named(project):
    """What comes to the published port over loopback goes through docker's
    userland proxy, and has the address of the bridge."""
    for daemon in project.pairs:
        docker("restart", "-t", "5", project.container(daemon))
    project.wait_serving()
    wait_mail(project)
    for _ in range(24):
        assert say([], "127.0.0.1", 25, ("QUIT",)) == ["220", "221"]
    status = "".join(project.ctl(it, "status") for it in project.pairs)
    assert "HIDDEN BY A GATEWAY" in status and "userland-proxy" in status


def test_they_end_properly(project):
    project.compose("stop", "-t", "20")
    for daemon in project.pairs:
        assert project.state(daemon)["ExitCode"] == 0, project.log(daemon)
    project.down()
    assert docker("ps", "-aq", "--filter",
                  f"label=com.docker.compose.project={project.name}") == ""
    assert subprocess.run(["pgrep", "-f", "tollgate-policyd"],
                          check=False).returncode == 1
