"""What the tests of packages and units share. Packages are built once, in a
copy of the source, and tried in a Debian root that systemd has booted."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))

from harness.policyd import TOP  # noqa: E402
from harness.workdir import workdir  # noqa: E402
from packlab.root import Booted, base_root, host_suite, run_in  # noqa: E402

FRESH = ("systemd-sysv", "dbus", "postfix")


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def work():
    """For large things: not in memory."""
    with workdir(parent="/var/tmp") as path:
        yield path


BUILT = {".git", "build", "configure", "autom4te.cache"}


def copy_source(target):
    """What a release holds, without what was built here."""
    def built(folder, names):
        return [name for name in names if name == "__pycache__" or
                pathlib.Path(folder) == TOP and
                (name in BUILT or name.startswith("build-"))]
    shutil.copytree(TOP, target, symlinks=True, ignore=built)


@pytest.fixture(scope="session")
def source(work):
    copy_source(work / "source")
    return work / "source"


@pytest.fixture(scope="session")
def packages(work):
    """The folder in which dpkg-buildpackage has left everything."""
    folder = work / "packages"
    folder.mkdir()
    copy_source(folder / "tollgate")
    # Without the unit tests: they have just run, from the same source.
    done = subprocess.run(["dpkg-buildpackage", "-us", "-uc"],
                          cwd=folder / "tollgate", capture_output=True,
                          text=True, timeout=600,
                          env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck"})
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    shutil.rmtree(folder / "tollgate")
    return folder


def debs_in(folder):
    return sorted(path for path in folder.glob("*.deb")
                  if "-dbgsym_" not in path.name)


@pytest.fixture(scope="session")
def fresh(work, packages):
    """fresh(name): a booted Debian with Postfix, the packages in /packages, not
    installed; all that they need is in apt's cache."""
    base = base_root(host_suite(), FRESH)
    booted = []

    def one(name, more=()):
        over = work / name
        home = over / "upper" / "packages"
        home.mkdir(parents=True)
        for deb in debs_in(packages):
            shutil.copy(deb, home)
        run_in(base, over, "sh", "-ec",
               "apt-get -qq update; apt-get -qq -y --no-install-recommends "
               f"--download-only install /packages/*.deb {' '.join(more)}")
        booted.append(Booted(base, over))
        return booted[-1]

    yield one
    for it in booted:
        it.close()
