"""Container images, built by buildah without a registry: the base is a fresh
Debian 13 root. Layers are kept beside it, so that a second build is quick."""
import json
import os
import shutil
import subprocess

from .root import CACHE, base_root

STORE = CACHE / "containers"
BASE = "localhost/debian:trixie-slim"


def buildah(*arguments, timeout=900):
    policy = CACHE / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    command = ["buildah", "--root", STORE, "--runroot", CACHE / "containers-run",
               "--storage-driver", "overlay"]
    if arguments[0] in ("bud", "commit"):
        arguments = [arguments[0], "--signature-policy", policy,
                     *arguments[1:]]
    done = subprocess.run(
        [*command, *arguments], stdin=subprocess.DEVNULL, timeout=timeout,
        capture_output=True, text=True,
        env={**os.environ, "BUILDAH_ISOLATION": "chroot"})
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout.strip()


def make_base():
    """What docker.io's debian:trixie-slim is to others."""
    root = base_root("trixie")
    made = (root / "made-by-tollgate").stat().st_mtime_ns
    stamp = STORE / "made-of"
    # What a run that was cut off has left mounted.
    buildah("umount", "--all")
    buildah("rm", "--all")
    if stamp.exists() and stamp.read_text() == str(made):
        return
    shutil.rmtree(STORE, ignore_errors=True)
    container = buildah("from", "scratch")
    buildah("add", "-q", container, root, "/")
    buildah("commit", "-q", "--rm", container, BASE)
    stamp.write_text(str(made))


def build(source, target):
    """The image's name."""
    name = f"localhost/tollgate-{target}:test"
    make_base()
    buildah("bud", "--layers", "--isolation", "chroot", "--format", "docker",
            "--build-arg", f"BASE={BASE}", "--target", target, "-t", name,
            "-f", source / "docker/Dockerfile", source)
    return name


class Image:
    """Its files, for looking and as a root to enter, and its settings."""

    def __init__(self, name):
        self._container = buildah("from", "--pull-never", name)
        self.root = buildah("mount", self._container)
        self.config = json.loads(buildah("inspect", "--type", "image", name))[
            "Docker"]["config"]

    def close(self):
        buildah("umount", self._container)
        buildah("rm", self._container)
