"""Every block of configuration in the guides and in README.md, given to the
program that it is for; or the reason why not. A block that is in no table
fails: whose is it?"""
import re
import subprocess

import pytest

from harness.policyd import BUILD, TOP
from test_guides import BLOCK, GUIDES

TRAEFIK = "Traefik is in no Debian"
NOT_GIVEN = {
    "services:\n  traefik:": "a part of another project's compose file",
    "traefik.tcp.routers.smtp.rule": TRAEFIK,
    "images:\n  - {name: tollgate,": "test_manifests: kustomize",
    "# kustomization.yaml\nnamespace: mail": "test_manifests: kustomize",
    "components:\n  - path/to": "test_manifests: kustomize",
    "# /etc/fail2ban/jail.d/tollgate.local":
        "test_observability: fail2ban with our jail",
}


def blocks():
    for guide in GUIDES:
        for indent, kind, block in BLOCK.findall(guide.read_text()):
            if kind in ("conf", "yaml"):
                yield guide.name, re.sub(f"^{indent}", "", block, flags=re.M)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          check=False)


def tollgate(text, place):
    """A path of the text need not be there: that is a warning, no mistake."""
    path = place / "tollgate.conf"
    path.write_text(text)
    done = run(f"{BUILD}/tollgate-policyd", "-t", "-c", str(path))
    assert done.returncode == 0, done.stderr


def postfix(place, main="", master=""):
    for name, more in (("main.cf", main), ("master.cf", master)):
        (place / name).write_text(more)
    done = run("postconf", "-c", str(place), "-n")
    services = run("postconf", "-c", str(place), "-M")
    assert done.returncode == services.returncode == 0
    assert done.stderr == services.stderr == ""
    return done.stdout, services.stdout


def main_cf(text, place):
    names = re.findall(r"^(\w+) =", text, re.M)
    seen, _ = postfix(place, main=text)
    assert names and all(f"{name} =" in seen for name in names)


def master_cf(text, place):
    text = re.sub(r"^ +\(.*\)\n", "", text, flags=re.M)
    _, seen = postfix(place, master=text)
    assert seen.split()[0] == text.split()[0]
    assert len(seen.strip().splitlines()) >= 1


def dovecot_of(text):
    return "2.4" if "ssl_server_cert_file" in text else "2.3"


def dovecot(text, place):
    """The lines of the version that is here are taken, the other's refused."""
    version = run("dovecot", "--version").stdout[:3]
    path = place / "dovecot.conf"
    head = "" if version == "2.3" else (
        f"dovecot_config_version = {version}.0\n"
        f"dovecot_storage_version = {version}.0\n")
    path.write_text(head + text)
    done = run("doveconf", "-n", "-c", str(path))
    if version != dovecot_of(text):
        assert done.returncode != 0
        assert "nknown setting" in done.stderr, done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert "default.pem" in done.stdout


def two_columns(text):
    """Two files beside each other, a name over each."""
    lines = text.rstrip("\n").split("\n")
    at = lines[0].index("#", 1)
    columns = [[line[:at].rstrip() for line in lines],
               [line[at:].rstrip() for line in lines]]
    return {column[0][2:]: "\n".join(column[1:]) + "\n" for column in columns}


def systemd(text, place):
    units = []
    for name, unit in two_columns(text).items():
        path = place / name.rsplit("/", 1)[1]
        path.write_text(unit)
        units.append(str(path))
    done = run("systemd-analyze", "verify", "--recursive-errors=no", *units)
    assert done.returncode == 0 and done.stderr == "", done.stderr


# By what a block begins with.
GIVEN_TO = {
    "store = ": tollgate, "limit ": tollgate, "service ": tollgate,
    "certificate ": tollgate, "exempt_clients = ": tollgate,
    "anvil     unix": master_cf, "127.0.0.1:10026 inet": master_cf,
    "smtpd_": main_cf, "tls_server_sni_maps = ": main_cf,
    "ssl_": dovecot, "# /etc/systemd/": systemd,
}


def begins(text, table):
    return [it for it in table if text.startswith(it)]


@pytest.mark.parametrize("guide, text", [
    pytest.param(guide, text, id=f"{guide}-{number}") for number, (guide, text)
    in enumerate(blocks()) if not begins(text, NOT_GIVEN)])
def test_block(guide, text, tmp_path):
    found = begins(text, GIVEN_TO)
    assert len(found) == 1, f"{guide}: whose is this?\n{text}"
    GIVEN_TO[found[0]](text, tmp_path)


def test_each_row_has_its_block():
    texts = [text for _, text in blocks()]
    for row in [*NOT_GIVEN, *GIVEN_TO]:
        assert any(text.startswith(row) for text in texts), row


def test_the_compose_file_s_haproxy_takes_its_configuration():
    done = run("haproxy", "-c", "-f",
               str(TOP / "docker/compose/two-pods/haproxy.cfg"))
    assert done.returncode == 0, done.stdout + done.stderr
