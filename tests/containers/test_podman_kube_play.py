"""docker/kubernetes under podman kube play, and whatever befalls a pod."""
import concurrent.futures
import itertools

import pytest
import yaml

from harness.wait import wait_until
from pods import CLIENTS, Cluster, podman
from say import FORGED, TAKEN, message

PORTS = [12525, 10587]
HEADERS = [FORGED, "PROXY TCP4 198.51.100.7 198.51.100.7 1 25"]


@pytest.fixture(scope="module", params=["base", "baseline"])
def cluster(request, tmp_path_factory):
    cluster = Cluster(request.param)
    request.addfinalizer(cluster.close)
    cluster.start(tmp_path_factory.mktemp("cluster"))
    return cluster


def wait_mail(cluster):
    wait_until(lambda: cluster.say("proxy", 2525, *message()) == TAKEN, 60,
               lambda: f"mail is taken: {cluster.log()}")


def check_forged(cluster):
    for header, port in itertools.product(HEADERS, PORTS):
        told = wait_until(lambda at=(port, header): cluster.say(
            cluster.container("postfix"), *at, "QUIT"), 60, "an answer")
        assert told == ["421"], (port, header)


def test_every_probe_is_answered(cluster):
    assert len(cluster.probes()) == 5
    cluster.wait_ready()
    # podman's own, of the liveness probe.
    podman("healthcheck", "run", cluster.container("tollgate"))


def test_mail_comes_through_the_proxy(cluster):
    wait_mail(cluster)
    assert cluster.address("proxy") in cluster.ctl("peers")


def test_a_forged_header(cluster):
    check_forged(cluster)


def test_doctor_finds_nothing(cluster):
    done = cluster.try_exec("postfix", "tollgatectl", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["tollgate", "postfix"])
def test_a_killed_container_comes_back(cluster, name):
    cluster.kill(name)
    cluster.wait_ready()
    wait_mail(cluster)
    check_forged(cluster)


def test_a_restart_loses_no_session(cluster):
    before = cluster.state("tollgate")["StartedAt"]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        told = [pool.submit(cluster.say, "proxy", 2525, *message(),
                            client=number % CLIENTS) for number in range(60)]
        assert "taken over" in cluster.ctl("restart")
        assert [one.result() for one in told] == 60 * [TAKEN]
    assert cluster.state("tollgate")["StartedAt"] == before
    cluster.kill("tollgate")
    cluster.wait_ready()
    wait_mail(cluster)


def test_mail_goes_on_without_redis(cluster):
    redis = cluster.container("redis", "tollgate-redis")
    podman("stop", "-t", "5", redis)
    wait_until(lambda: "AWAY" in cluster.ctl("status"), 60,
               "the outage is seen")
    wait_mail(cluster)
    podman("start", redis)
    wait_until(lambda: "AWAY" not in cluster.ctl("status"), 60,
               "Redis is used again")


def test_they_end_properly(cluster):
    podman("stop", "-t", "20", cluster.container("tollgate"))
    assert cluster.state("tollgate")["ExitCode"] == 0, cluster.log()
    cluster.down()
    left = podman("ps", "-a", "--format", "{{.Names}}").split()
    assert len(left) == 1 + CLIENTS, left


def test_a_volume_in_memory_is_each_container_s_own():
    """Why the manifests have none."""
    volume = {"name": "shared", "emptyDir": {"medium": "Memory"}}
    container = {
        "image": "debian:trixie-slim", "command": ["sleep", "infinity"],
        "volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "memory"},
           "spec": {"volumes": [volume], "containers": [
               {"name": name, **container} for name in ("one", "other")]}}
    text = yaml.safe_dump(pod)
    podman("kube", "play", "-", stdin=text)
    try:
        podman("exec", "memory-one", "touch", "/shared/it")
        assert podman("exec", "memory-other", "ls", "/shared") == ""
    finally:
        podman("kube", "down", "--force", "-", stdin=text)
