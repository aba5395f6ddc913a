"""Every kind of source, and how its own tool changes it: write(issued), after
which the pair is whole on the disk."""
import os
import shutil
import subprocess

from .cert_site import NAME


def put(path, text):
    """In place, private."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def put_over(path, text):
    beside = path.with_name(f".{path.name}.tmp")
    put(beside, text)
    os.rename(beside, path)


class Certbot:
    """live/NAME links into archive/NAME; for each kind in turn the link is
    removed and made again. Nobody but root may look into either."""

    def __init__(self, place):
        self.live = place / "live" / NAME
        self.archive = place / "archive" / NAME
        for folder in (self.live, self.archive):
            folder.mkdir(parents=True)
            folder.parent.chmod(0o700)
        self.source = f"certbot:{self.live}"
        self.number = 0

    def write(self, issued):
        self.number += 1
        texts = {"cert": issued.certificates[0],
                 "chain": issued.certificates[1],
                 "fullchain": issued.chain, "privkey": issued.key}
        for kind, text in texts.items():
            put(self.archive / f"{kind}{self.number}.pem", text)
        for kind in texts:
            link = self.live / f"{kind}.pem"
            if link.is_symlink():
                link.unlink()
            link.symlink_to(
                f"../../archive/{NAME}/{kind}{self.number}.pem")


# row: Synology
class Synology:
    """The same two files, written in place."""

    def __init__(self, place):
        self.folder = place / "_archive" / "G2MOnW"
        self.folder.mkdir(parents=True, mode=0o700)
        self.source = f"certbot:{self.folder.parent}"

    def write(self, issued):
        put(self.folder / "privkey.pem", issued.key)
        put(self.folder / "fullchain.pem", issued.chain)


# row: step-ca, by hand
class Pair:
    def __init__(self, place):
        self.folder = place / "pair"
        self.folder.mkdir()
        self.source = f"pem:{self.folder}/cert.pem,{self.folder}/key.pem"

    def write(self, issued):
        put_over(self.folder / "cert.pem", issued.chain)
        put_over(self.folder / "key.pem", issued.key)


# row: acme.sh
class Installed(Pair):
    """acme.sh --install-cert: in place, the key first."""

    def write(self, issued):
        put(self.folder / "key.pem", issued.key)
        put(self.folder / "cert.pem", issued.chain)


class Combined:
    def __init__(self, place):
        self.path = place / "combined" / "all.pem"
        self.path.parent.mkdir()
        self.source = f"combined:{self.path}"

    def write(self, issued):
        put_over(self.path, issued.chain + issued.key)


class NewFolder:
    """acmetool, and deployments by hand: a new folder, and a link on the way
    to it is replaced; the old folder stays as it is."""

    def __init__(self, place):
        self.place = place / "state"
        (self.place / "live").mkdir(parents=True)
        self.live = self.place / "live" / NAME
        self.source = f"pem:{self.live}/fullchain,{self.live}/privkey"
        self.number = 0

    def write(self, issued):
        self.number += 1
        folder = self.place / "certs" / str(self.number)
        folder.mkdir(parents=True)
        put(folder / "privkey", issued.key)
        put(folder / "fullchain", issued.chain)
        beside = self.place / "live.new"
        beside.symlink_to(f"../certs/{self.number}")
        os.rename(beside, self.live)


# row: cert-manager
class Secret:
    """A mounted secret: a new folder, and ..data renamed over."""

    def __init__(self, place):
        self.mount = place / "secret"
        self.mount.mkdir()
        self.source = f"k8s:{self.mount}"
        self.number = 0

    def write(self, issued):
        self.number += 1
        old = f"..{self.number - 1}"
        folder = self.mount / f"..{self.number}"
        folder.mkdir()
        put(folder / "tls.crt", issued.chain)
        put(folder / "tls.key", issued.key)
        (self.mount / "..data_tmp").symlink_to(folder.name)
        os.rename(self.mount / "..data_tmp", self.mount / "..data")
        for name in ("tls.crt", "tls.key"):
            if not (self.mount / name).is_symlink():
                (self.mount / name).symlink_to(f"..data/{name}")
        shutil.rmtree(self.mount / old, ignore_errors=True)


class Caddy:
    """certmagic: each file by rename, the key first; its folders are for
    their owner alone."""

    def __init__(self, place):
        self.data = place / "caddy"
        self.folder = self.data / "certificates" / \
            "acme-v02.api.letsencrypt.org-directory" / NAME
        self.data.mkdir()
        self.source = f"caddy:{self.data}"

    def write(self, issued):
        folder = self.data
        for part in self.folder.relative_to(self.data).parts:
            folder = folder / part
            folder.mkdir(mode=0o700, exist_ok=True)
        put_over(self.folder / f"{NAME}.key", issued.key)
        put_over(self.folder / f"{NAME}.crt", issued.chain)
        put_over(self.folder / f"{NAME}.json", "{}")


# row: acme-companion
class Companion:
    """acme.sh writes each file in place; links beside the folder, which may
    be for its owner alone (FOLDERS_PERMS)."""

    def __init__(self, place):
        self.certs = place / "certs"
        self.certs.mkdir(mode=0o700)
        self.source = f"acme-companion:{self.certs}"

    def write(self, issued):
        folder = self.certs / NAME
        folder.mkdir(mode=0o700, exist_ok=True)
        put(folder / "cert.pem", issued.certificates[0])
        put(folder / "key.pem", issued.key)
        put(folder / "fullchain.pem", issued.chain)
        for link, target in (("crt", "fullchain.pem"), ("key", "key.pem")):
            if not (self.certs / f"{NAME}.{link}").is_symlink():
                (self.certs / f"{NAME}.{link}").symlink_to(
                    f"./{NAME}/{target}")


class BindMount:
    """One file mounted from elsewhere: only its own inode is seen."""

    def __init__(self, place):
        self.outside = place / "outside.pem"
        self.inside = place / "inside" / "all.pem"
        self.inside.parent.mkdir()
        self.inside.touch()
        self.outside.touch()
        subprocess.run(["mount", "--bind", self.outside, self.inside],
                       check=True)
        self.source = f"combined:{self.inside}"

    def write(self, issued):
        put(self.outside, issued.combined)

    def close(self):
        subprocess.run(["umount", self.inside], check=True)
