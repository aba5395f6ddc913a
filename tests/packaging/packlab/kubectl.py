"""kubectl, which builds manifests without a cluster.

Debian 12's is older than kustomize's components; it is linked statically, so
that Debian 13's runs there too, out of its package and without being
installed."""
import fcntl
import os
import pathlib
import re
import shutil
import subprocess

from .root import CACHE, MIRROR

OLDEST = (1, 21)  # its kustomize knows kind: Component


def _version(program):
    done = subprocess.run([program, "version", "--client"],
                          capture_output=True, text=True, check=False)
    found = re.search(r"v(\d+)\.(\d+)\.", done.stdout)
    return tuple(map(int, found.groups())) if found else (0, 0)


def _fetch(folder):
    """Into the folder, by an apt that knows Debian 13 and nothing else."""
    lists = folder / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        f"{MIRROR} trixie main\n")
    options = [option for name, value in (
        ("Dir::Etc::sourcelist", sources), ("Dir::Etc::sourceparts", "-"),
        ("Dir::State::lists", lists), ("Dir::State::status", "/dev/null"),
        ("Dir::Cache", folder), ("Acquire::Languages", "none"),
        ("APT::Sandbox::User", "root"),
    ) for option in ("-o", f"{name}={value}")]
    for command in (["update"], ["download", "kubectl"]):
        subprocess.run(["apt-get", "-qq", *options, *command], cwd=folder,
                       check=True, timeout=300)
    [deb] = folder.glob("kubectl_*.deb")
    subprocess.run(["dpkg-deb", "-x", deb, folder / "root"], check=True)
    os.rename(folder / "root/usr/bin/kubectl", folder / "kubectl")


def kubectl():
    """The path of one that is new enough."""
    installed = shutil.which("kubectl")
    if installed and _version(installed) >= OLDEST:
        return pathlib.Path(installed)
    folder = CACHE / "kubectl"
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "kubectl.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "kubectl").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _fetch(folder)
    return folder / "kubectl"


def kustomize(folder):
    """What the kustomization in the folder becomes, as YAML."""
    done = subprocess.run([kubectl(), "kustomize", folder],
                          capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
