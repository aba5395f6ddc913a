"""Which certificate is served where a source offers more than one, or one
that a simple rule would refuse."""
import json
import os

import pytest

from harness.authority import Authority, acme_json
from harness.cert_site import NAME, Acme, CertSite
from harness.socketmap import asked
from harness.wait import stays_true, wait_until

BUSY_S = 10


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "ca")


@pytest.fixture(scope="module")
def testing(places):
    """What Let's Encrypt calls the authorities of its staging environment."""
    return Authority(places / "staging", "(STAGING) Counterfeit Cashew R10")


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text)
    beside.chmod(0o600)
    os.rename(beside, path)


def put_pair(folder, issued, chain="fullchain.pem", key="privkey.pem"):
    put(folder / key, issued.key)
    put(folder / chain, issued.chain)


def serves(site, issued):
    wait_until(lambda: asked(site.sni, NAME) == [issued.fingerprint], BUSY_S,
               site.log)


class Lifetimes:
    """Each line: what was in use, and what its tool wrote in its place."""
    CASES = {
        "90 days by 6": (dict(days=90, start=-5), dict(days=6)),
        "10 years by 90 days": (dict(days=3650, start=-5), dict(days=90)),
        "90 days by as many less an hour": (
            dict(days=90), dict(days=90 - 1 / 24)),
        "a backup of last month": (
            dict(days=90), dict(days=60, start=-30)),
    }


@pytest.mark.parametrize("case", Lifetimes.CASES)
def test_the_source_is_the_truth(authority, place, keep, case):
    old, new = (authority.issue(NAME, **dates)
                for dates in Lifetimes.CASES[case])
    put_pair(place / "live", old)
    site = CertSite(place, keep, f"certbot:{place}/live", postfix=False)
    serves(site, old)
    put_pair(place / "live", new)
    serves(site, new)
    wait_until(lambda: new.certificates[0] in
               (site.tls / "default.pem").read_text(), BUSY_S, site.log)
    assert ("backup" in site.log()) == ("backup" in case), site.log()


def test_what_is_half_written_is_waited_for(authority, place, keep):
    """The new certificate is there before its key: the old one stays."""
    old, new = authority.issue(NAME, start=-9), authority.issue(NAME, days=6)
    put_pair(place / "live", old)
    site = CertSite(place, keep, f"certbot:{place}/live", postfix=False)
    put(place / "live" / "fullchain.pem", new.chain)
    stays_true(lambda: asked(site.sni, NAME) == [old.fingerprint], 1, site.log)
    put(place / "live" / "privkey.pem", new.key)
    serves(site, new)


def test_a_resolver_for_tests_does_not_win(authority, testing, place, keep):
    real = authority.issue(NAME, start=-2)
    fake = testing.issue(NAME, days=91)
    acme = Acme(place / "acme")
    acme.write_text(json.dumps({
        **acme_json((NAME, [], fake), resolver="staging"),
        **acme_json((NAME, [], real), resolver="le")}))
    site = CertSite(place, keep, acme.source, postfix=False)
    serves(site, real)
    fake = testing.issue(NAME, days=92)
    acme.write_text(json.dumps({
        **acme_json((NAME, [], real), resolver="le"),
        **acme_json((NAME, [], fake), resolver="staging")}))
    stays_true(lambda: asked(site.sni, NAME) == [real.fingerprint], 1,
               site.log)
    assert "warn: certificate" not in site.log(), site.log()


@pytest.mark.parametrize("resolver, problem", [
    ("one", None), ("three", 'no resolver "three" in it')])
def test_a_resolver_can_be_named(authority, place, keep, resolver, problem):
    one = authority.issue(NAME, start=-2)
    two = authority.issue(NAME)
    acme = Acme(place / "acme")
    acme.write_text(json.dumps({
        **acme_json((NAME, [], one), resolver="one"),
        **acme_json((NAME, [], two), resolver="two")}))
    site = CertSite(place, keep, f"{acme.source}#{resolver}", postfix=False)
    if problem:
        site.policyd.process.wait_output(problem)
        assert asked(site.sni, NAME) == []
    else:
        serves(site, one)


def test_a_folder_for_tests_is_passed_over(authority, testing, place, keep):
    """acme-companion with LETSENCRYPT_TEST, and without it again."""
    certs = place / "certs"
    real, fake = authority.issue(NAME, start=-2), testing.issue(NAME)
    put_pair(certs / NAME, real, key="key.pem")
    put_pair(certs / f"_test_{NAME}", fake, key="key.pem")
    for link, target in (("crt", "fullchain.pem"), ("key", "key.pem")):
        (certs / f"{NAME}.{link}").symlink_to(f"./_test_{NAME}/{target}")
    site = CertSite(place, keep, f"acme-companion:{certs}", postfix=False)
    serves(site, real)


def test_a_certificate_for_tests_is_warned_about(testing, place, keep):
    fake = testing.issue(NAME)
    put_pair(place / "live", fake)
    site = CertSite(place, keep, f"certbot:{place}/live", postfix=False)
    serves(site, fake)
    assert "signed by an authority for tests" in site.log(), site.log()


@pytest.mark.parametrize("pointed_at, lineages", [
    ("live", ["live/{}", "live/{}-0001"]),
    (".", ["live/{}", "live/{}-0001"]),
    ("_archive", ["_archive/G2MOnW", "_archive/qwErTy"]),
])
def test_lineages_are_chosen_among(authority, place, keep, pointed_at,
                                   lineages):
    """certbot begins NAME-0001 when its request changes; Synology has a new
    name after each renewal. What was there first goes at last."""
    folders = [place / "le" / one.format(NAME) for one in lineages]
    old, new = authority.issue(NAME, start=-30), authority.issue(NAME, days=6)
    other = authority.issue("other.example.com")
    put_pair(folders[0].parent / "other.example.com", other)
    put(folders[0].parent / "README", "about this folder")
    put_pair(folders[0], old)
    site = CertSite(place, keep, f"certbot:{place}/le/{pointed_at}",
                    postfix=False)
    serves(site, old)
    put_pair(folders[1], new)
    serves(site, new)
    for path in (*folders[0].iterdir(), folders[0]):
        path.unlink() if path.is_file() else path.rmdir()
    stays_true(lambda: asked(site.sni, NAME) == [new.fingerprint], 1, site.log)
    assert "warn: certificate" not in site.log(), site.log()


@pytest.mark.parametrize("write", [
    lambda one, ca: [one.certificates[0] + ca.root + one.certificates[1]],
    lambda one, ca: [one.certificates[1] + one.certificates[0]],
    lambda one, ca: [one.chain + one.certificates[0]],
    lambda one, ca: [one.certificates[0], one.certificates[1]],
], ids=["wrong order", "issuer first", "leaf twice", "a chain file"])
def test_a_chain_is_put_in_order(authority, place, keep, write):
    one = authority.issue(NAME)
    texts = write(one, authority)
    put(place / "cert.pem", texts[0])
    put(place / "key.pem", one.key)
    source = f"pem:{place}/cert.pem,{place}/key.pem"
    if len(texts) > 1:
        put(place / "chain.pem", texts[1])
        source += f",{place}/chain.pem"
    site = CertSite(place, keep, source, postfix=False)
    serves(site, one)
    served = (site.tls / "default.pem").read_text()
    assert one.chain in served
    assert served.count(one.certificates[0]) == 1


def test_two_keys_in_one_file(authority, place, keep):
    """As smtpd_tls_chain_files takes them: key, chain, key, chain."""
    ec, rsa = authority.issue(NAME), authority.issue(NAME, kind="rsa")
    put(place / "all.pem", rsa.combined + ec.combined)
    site = CertSite(place, keep, f"combined:{place}/all.pem", postfix=False)
    wait_until(lambda: sorted(asked(site.sni, NAME)) ==
               sorted([ec.fingerprint, rsa.fingerprint]), BUSY_S, site.log)


@pytest.mark.parametrize("how", ["USR2", "start"])
def test_what_was_published_outlives_the_source(
        authority, place, keep, how, end_pid):
    """The source is empty when a new process begins: what is in our own file
    goes on being served."""
    one = authority.issue(NAME)
    put_pair(place / "live", one)
    site = CertSite(place, keep, f"certbot:{place}/live", postfix=False)
    serves(site, one)
    (place / "live" / "privkey.pem").unlink()
    site.policyd.process.wait_output("privkey.pem: No such file")
    if how == "USR2":
        end_pid(site.policyd.hand_over())
    else:
        site.policyd.stop()
        site.policyd.start()
    wait_until(lambda: "what was published before the start" in site.log(),
               BUSY_S, site.log)
    serves(site, one)
    new = authority.issue(NAME)
    put_pair(place / "live", new)
    serves(site, new)
