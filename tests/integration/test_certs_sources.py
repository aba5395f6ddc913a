"""Several sources of one certificate section: two key types of one name, and
files of which one may be empty or away."""
import json
import os
import shutil
import subprocess

import pytest

from harness.authority import Authority, acme_json
from harness.cert_site import NAME, CertSite
from harness.control import asked as control
from harness.policyd import POLICYD, render
from harness.socketmap import asked
from harness.wait import stays_true, wait_until

BUSY_S = 10


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "ca")


def put(path, text):
    """In place, private."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def served(site):
    return sorted(asked(site.sni, NAME))


def serves(site, *issued):
    expected = sorted(one.fingerprint for one in issued)
    wait_until(lambda: served(site) == expected, BUSY_S, site.log)


def goes_on_with(site, *issued):
    expected = sorted(one.fingerprint for one in issued)
    stays_true(lambda: served(site) == expected, 1, site.log)


def is_quiet(site):
    assert "warn: certificate" not in site.log(), site.log()


def problem(site):
    return control(site.policyd, "certs")["certificates"][0]["problem"]


class Pairs:
    """Two pairs of files in one folder, as lego or acme.sh write them."""

    def __init__(self, place, authority):
        self.authority = authority
        self.place = place
        self.source = [f"pem:{place}/{kind}.crt,{place}/{kind}.key"
                       for kind in ("rsa", "ec")]

    def write(self, kind, **dates):
        one = self.authority.issue(NAME, kind=kind, **dates)
        put(self.place / f"{kind}.crt", one.chain)
        put(self.place / f"{kind}.key", one.key)
        return one


def test_both_key_types_are_served(authority, place, keep):
    pairs = Pairs(place / "pairs", authority)
    rsa, ec = pairs.write("rsa"), pairs.write("ec")
    site = CertSite(place, keep, pairs.source, postfix=False)
    serves(site, rsa, ec)
    rsa = pairs.write("rsa")
    serves(site, rsa, ec)
    ec = pairs.write("ec", days=6)
    serves(site, rsa, ec)
    wait_until(lambda: all(
        one.certificates[0] in (site.tls / "default.pem").read_text()
        for one in (rsa, ec)), BUSY_S, site.log)
    section = control(site.policyd, "certs")["certificates"][0]
    assert section["source"] == ", ".join(pairs.source)
    assert [one["key_type"] for one in section["chains"]] == ["RSA", "ECDSA"]
    is_quiet(site)


def test_what_is_broken_is_said_and_the_other_goes_on(authority, place, keep):
    pairs = Pairs(place / "pairs", authority)
    rsa, ec = pairs.write("rsa", start=-9), pairs.write("ec", start=-5)
    site = CertSite(place, keep, pairs.source, postfix=False)
    serves(site, rsa, ec)
    put(place / "pairs" / "rsa.key", ec.key)
    site.policyd.process.wait_output("the key does not fit")
    ec = pairs.write("ec")
    serves(site, rsa, ec)
    assert "rsa.crt" in problem(site)
    rsa = pairs.write("rsa")
    serves(site, rsa, ec)
    wait_until(lambda: problem(site) is None, BUSY_S, site.log)


# row: simplelogin
class TwoStores:
    """simplelogin's: one Traefik file for each challenge, one of them empty."""

    def __init__(self, place):
        self.tls = place / "acme" / "acme-tls.json"
        self.dns = place / "acme" / "acme-dns.json"
        self.source = [f"traefik:{self.tls}", f"traefik:{self.dns}"]
        put(self.tls, "")


@pytest.mark.parametrize("how", ["empty", "absent"])
def test_one_of_two_files_may_be_empty(authority, place, keep, how):
    stores = TwoStores(place)
    one = authority.issue(NAME, start=-2)
    put(stores.dns, json.dumps(acme_json((NAME, [], one), resolver="dns")))
    if how == "absent":
        stores.tls.unlink()
    site = CertSite(place, keep, stores.source, postfix=False)
    serves(site, one)
    assert problem(site) is None
    # The challenge is changed: the other one fills.
    two = authority.issue(NAME)
    put(stores.tls, json.dumps(acme_json((NAME, [], two), resolver="tls")))
    serves(site, two)
    is_quiet(site)


def test_it_is_a_problem_if_none_covers_the_name(authority, place, keep):
    stores = TwoStores(place)
    put(stores.dns, "")
    site = CertSite(place, keep, stores.source, postfix=False)
    site.policyd.process.wait_output("acme-tls.json: empty; there is none")
    one = authority.issue(NAME)
    put(stores.dns, json.dumps(acme_json((NAME, [], one), resolver="dns")))
    serves(site, one)
    wait_until(lambda: problem(site) is None, BUSY_S, site.log)


@pytest.mark.parametrize("then", ["go on", "USR2", "start"])
def test_what_was_emptied_is_being_written(authority, place, keep, end_pid,
                                           then):
    """A tool truncates its file first: that is no end of its key type."""
    files = {kind: place / "all" / f"{kind}.pem" for kind in ("rsa", "ec")}
    issued = {kind: authority.issue(NAME, kind=kind) for kind in files}
    for kind, path in files.items():
        put(path, issued[kind].combined)
    site = CertSite(place, keep, [f"combined:{path}"
                                  for path in files.values()], postfix=False)
    serves(site, *issued.values())
    wait_until((site.tls / "default.pem").exists, BUSY_S, site.log)
    put(files["rsa"], "")
    if then == "USR2":
        end_pid(site.policyd.hand_over())
    elif then == "start":
        site.policyd.stop()
        os.utime(files["rsa"])
        site.policyd.start()
    goes_on_with(site, *issued.values())
    issued["rsa"] = authority.issue(NAME, kind="rsa")
    put(files["rsa"], issued["rsa"].combined)
    serves(site, *issued.values())


def checked(place, source):
    """What policyd -t says of a section with that source."""
    config = place / "checked.conf"
    config.write_text(render({}, [("certificate", NAME, {"source": source})]))
    done = subprocess.run([POLICYD, "-t", "-c", config], text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_check_misses_only_what_no_other_source_has(authority, place):
    stores = TwoStores(place)
    assert "No such file" in checked(place, stores.source[1])
    assert "No such file" not in checked(place, stores.source)
    assert "No such file" not in checked(place, f"{stores.source[0]}#le")
    stores.tls.unlink()
    assert "acme-tls.json: No such" in checked(place, stores.source[::-1])


class ModMd:
    """Apache's mod_md with MDPrivateKeys rsa2048 secp256r1: a renewal waits in
    staging until httpd is reloaded; then the folders change places."""

    def __init__(self, place, authority):
        self.authority = authority
        self.md = place / "md"
        domain = self.md / "domains" / NAME
        self.source = [
            f"pem:{domain}/pubcert{infix}.pem,{domain}/privkey{infix}.pem"
            for infix in ("", ".secp256r1")]

    def renew(self):
        issued = [self.authority.issue(NAME, kind=kind)
                  for kind in ("rsa", "ec")]
        staging = self.md / "staging" / NAME
        for one, infix in zip(issued, ("", ".secp256r1")):
            put(staging / f"privkey{infix}.pem", one.key)
            put(staging / f"pubcert{infix}.pem", one.chain)
            put(staging / f"job{infix}.json", "{}")
        return issued

    def reload(self):
        domain, staging, archive = (
            self.md / part / NAME for part in ("domains", "staging", "archive"))
        archive.parent.mkdir(exist_ok=True)
        domain.parent.mkdir(exist_ok=True)
        if domain.exists():
            shutil.rmtree(archive, ignore_errors=True)
            os.rename(domain, archive)
        os.rename(staging, domain)


def test_mod_md_has_two_pairs(authority, place, keep):
    httpd = ModMd(place, authority)
    old = httpd.renew()
    httpd.reload()
    site = CertSite(place, keep, httpd.source, postfix=False)
    serves(site, *old)
    for _ in range(3):
        new = httpd.renew()
        goes_on_with(site, *old)
        httpd.reload()
        serves(site, *new)
        old = new
    is_quiet(site)


class Certbot:
    """Each lineage has its links replaced one by one."""

    def __init__(self, place, authority):
        self.authority = authority
        self.place = place / "letsencrypt"
        self.number = 0

    def write(self, lineage, kind):
        self.number += 1
        one = self.authority.issue(NAME, kind=kind)
        live = self.place / "live" / lineage
        live.mkdir(parents=True, exist_ok=True)
        for name, text in (("cert", one.certificates[0]),
                           ("privkey", one.key),
                           ("chain", one.certificates[1]),
                           ("fullchain", one.chain)):
            put(self.place / "archive" / lineage / f"{name}{self.number}.pem",
                text)
            link = live / f"{name}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(
                f"../../archive/{lineage}/{name}{self.number}.pem")
        return one


@pytest.mark.parametrize("pointed_at", [
    [f"live/{NAME}", f"live/{NAME}-rsa"], ["live"], ["."]])
def test_certbot_has_a_lineage_for_each_key_type(
        authority, place, keep, pointed_at):
    certbot = Certbot(place, authority)
    ec = certbot.write(NAME, "ec")
    rsa = certbot.write(f"{NAME}-rsa", "rsa")
    site = CertSite(place, keep, [f"certbot:{certbot.place}/{one}"
                                  for one in pointed_at], postfix=False)
    serves(site, ec, rsa)
    rsa = certbot.write(f"{NAME}-rsa", "rsa")
    serves(site, ec, rsa)
    ec = certbot.write(NAME, "ec")
    serves(site, ec, rsa)
    is_quiet(site)


def test_a_source_may_come_from_the_environment(
        authority, place, keep, monkeypatch):
    stores = TwoStores(place)
    one = authority.issue(NAME)
    put(stores.dns, json.dumps(acme_json((NAME, [], one), resolver="dns")))
    monkeypatch.setenv("LE_CHALLENGE", "dns")
    site = CertSite(
        place, keep, "traefik:%s/acme-${LE_CHALLENGE}.json" % stores.dns.parent,
        postfix=False)
    serves(site, one)
