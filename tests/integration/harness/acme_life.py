"""What each ACME client goes through beside a policyd that watches it."""
from .acme import Watch
from .cert_site import NAME, CertSite
from .socketmap import asked
from .wait import wait_until

BUSY_S = 20


def serves(site, tool):
    wait_until(lambda: sorted(asked(site.sni, NAME)) == tool.leafs(), BUSY_S,
               site.log)


def changes(site, tool, change):
    """What change() has made is served, and before it what was there: of each
    key type either the old one or the new one."""
    old = tool.leafs()
    watch = Watch(site.sni)
    try:
        change()
        new = tool.leafs()
        assert not set(old) & set(new)
        serves(site, tool)
    finally:
        watch.close()
    assert watch.answers[0] == old and watch.answers[-1] == new, site.log()
    for answer in watch.answers:
        assert len(answer) == len(new) and set(answer) <= {*old, *new}, \
            watch.answers
    assert len(watch.answers) <= 1 + len(new), watch.answers


def issued_and_renewed(tool, place, keep):
    """policyd, which is not root, is there before the first certificate, and
    is started again beside it."""
    site = CertSite(place, keep, tool.source, postfix=False)
    site.policyd.process.wait_output("there is none to serve")
    tool.issue()
    serves(site, tool)
    assert tool.modes() == [tool.key_mode, tool.folder_mode]
    site.policyd.stop()
    site.policyd.start()
    serves(site, tool)
    changes(site, tool, tool.renew)
    return site
