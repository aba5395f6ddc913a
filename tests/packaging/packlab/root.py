"""Debian roots to try packages in: made once, kept for a week, and changed
only in an overlay that goes with the test. In a booted one systemd is the
first process, so units really run: as their user, in their sandbox."""
import os
import pathlib
import shutil
import subprocess
import time

from harness.policyd import TOP
from harness.wait import wait_until

CACHE = TOP / "build-packages"
MIRROR = os.environ.get("TOLLGATE_DEBIAN_MIRROR",
                        "http://deb.debian.org/debian")
KEEP_S = 7 * 24 * 3600
ENTER = pathlib.Path(__file__).with_name("enter")
# Version 2, where both are there and where it is alone.
CGROUPS = [pathlib.Path("/sys/fs/cgroup/unified"),
           pathlib.Path("/sys/fs/cgroup")]


def host_suite():
    """What this machine's packages fit."""
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=")[1].strip('"')
    raise AssertionError("this is no Debian with a name")


def base_root(suite, include=()):
    """The folder of a fresh root with those packages."""
    root = CACHE / f"root-{suite}{'-systemd' if include else ''}"
    made = root / "made-by-tollgate"
    if made.exists() and time.time() - made.stat().st_mtime < KEEP_S and \
            made.read_text() == " ".join(include):
        return root
    CACHE.mkdir(exist_ok=True)
    new = root.with_name(root.name + ".new")
    for old in (new, root):
        shutil.rmtree(old, ignore_errors=True)
    options = [f"--include={','.join(include)}"] if include else []
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", *options,
                    suite, new, MIRROR], check=True, timeout=600)
    (new / "made-by-tollgate").write_text(" ".join(include))
    new.rename(root)
    return root


def _unshared(*more):
    return ["unshare", "--mount", "--pid", "--ipc", "--uts", *more, "--fork",
            "--kill-child"]


def run_in(base, over, *command, timeout=600):
    """In the root, not booted, with this machine's network."""
    done = subprocess.run([*_unshared(), ENTER, base, over, *command],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Booted:
    """A root that has been booted. run() is a shell in it, as root."""

    def __init__(self, base, over):
        self._cgroup = next(path for path in CGROUPS if (
            path / "cgroup.procs").exists()) / \
            f"tollgate-{over.name}-{os.getpid()}"
        self._cgroup.mkdir()
        self._process = subprocess.Popen(
            [*_unshared("--net", "--cgroup"), ENTER, base, over, "--boot"],
            stdin=subprocess.DEVNULL, preexec_fn=self._join_cgroup)
        try:
            wait_until(self._is_up, 60, "systemd has started everything")
        except BaseException:
            self.close()
            raise

    def _join_cgroup(self):
        (self._cgroup / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def pid(self):
        """Of its first process, as seen from here."""
        own = self._process.pid
        children = pathlib.Path(f"/proc/{own}/task/{own}/children").read_text()
        return int(children.split()[0])

    def _is_up(self):
        assert self._process.poll() is None, "systemd has ended"
        try:
            done = self.try_run("systemctl is-system-running")
        except IndexError:
            return False
        return done.stdout.strip() in ("running", "degraded")

    def try_run(self, command, timeout=120):
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "--all", "--root", "--wd", "env",
             "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
             "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "sh", "-ec",
             command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout)

    def run(self, command, timeout=120):
        done = self.try_run(command, timeout)
        assert done.returncode == 0, \
            f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}" \
            + self.try_run("journalctl -n 30 --no-pager").stdout
        return done.stdout.strip()

    def path(self, name):
        """A file of the root, seen from here."""
        return pathlib.Path(f"/proc/{self.pid}/root") / name.lstrip("/")

    def in_network(self, *argv):
        """A program of this machine on the root's loopback."""
        return ["nsenter", "-t", str(self.pid), "--net", *argv]

    def close(self):
        self._process.kill()
        self._process.wait()
        wait_until(self._cgroup_is_gone, 20, "its processes have gone")

    def _cgroup_is_gone(self):
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                return False
        return True
