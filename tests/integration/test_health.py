"""tollgatectl health, and who reaches the control socket with how few
capabilities."""
import subprocess

import pytest

from harness.policyd import BUILD, Policyd
from harness.ports import free_port

NO_RIGHTS = ["setpriv", "--bounding-set", "-all"]
AS_IN_A_CONTAINER = ["setpriv", "--bounding-set",
                     "-all,+chown,+setgid,+setuid,+sys_ptrace"]


def health(*arguments, before=()):
    """(status, its only line)"""
    run = subprocess.run(
        [*before, BUILD / "tollgatectl", *map(str, arguments)],
        capture_output=True, text=True, timeout=30, check=False)
    [line] = (run.stdout + run.stderr).splitlines()
    assert bool(run.stdout) == (run.returncode == 0)
    return run.returncode, line


@pytest.fixture
def policyd(place, keep):
    place.chmod(0o755)

    def start(group):
        return keep(Policyd(
            place / "policyd", [f"policy:unix:{place}/policy"],
            options={"control_group": group}, before=AS_IN_A_CONTAINER))
    return start


def test_says_whether_it_serves(policyd):
    daemon = policyd("nogroup")
    there = ("-s", daemon.control, "health")
    page = f"http://127.0.0.1:{daemon.http_port}"
    assert health(*there) == (0, "tollgate-policyd: serving")
    for url in page, page + "/", page + "/readyz", page + "/healthz":
        assert health("health", url) == (0, "200 OK")
    status, line = health("health", page + "/nothing")
    assert status == 1 and line.startswith("404 ")
    daemon.process.freeze()
    status, line = health(*there)
    assert status == 1 and str(daemon.control) in line
    status, line = health("health", page)
    assert status == 1 and line == "no answer within 2000 ms"
    daemon.process.thaw()
    daemon.kill()
    status, line = health(*there)
    assert status == 1 and "Connection refused" in line
    status, line = health("health", page)
    assert status == 1 and "Connection refused" in line


@pytest.mark.parametrize("url", [
    "https://127.0.0.1/", "127.0.0.1:9309", "http://", "http://[::1",
    "http://127.0.0.1:/", "http://127.0.0.1:12x/", "http://127.0.0.1:123456789",
    "http://127.0.0.1/a b"])
def test_a_wrong_url_is_named(url):
    status, line = health("health", url)
    assert status == 1 and "not of the form http://HOST" in line


def test_ipv6_needs_brackets():
    status, line = health("health", f"http://[::1]:{free_port()}/readyz")
    assert status == 1 and line.startswith("::1 port ")


# The image's control_group is the daemon's own group; root may do without any
# capability then. In another group it needs CAP_SETUID, which it has to start.
@pytest.mark.parametrize("group, before", [
    ("nogroup", NO_RIGHTS), ("mail", AS_IN_A_CONTAINER), ("", AS_IN_A_CONTAINER)])
def test_root_and_the_daemon_s_own_user_reach_it(policyd, group, before):
    daemon = policyd(group)
    there = ("-s", daemon.control, "health")
    assert health(*there, before=before)[0] == 0
    own = ["setpriv", "--reuid", "nobody", "--regid", "nogroup",
           "--clear-groups"]
    assert health(*there, before=own)[0] == 0
    other = ["setpriv", "--reuid", "daemon", "--regid", "daemon",
             "--clear-groups"]
    status, line = health(*there, before=other)
    assert status == 1 and "Permission denied" in line
