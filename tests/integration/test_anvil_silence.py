"""policyd says that smtpd does not ask its anvil face any more: in the log, in
status, at /readyz and by a metric; and does not say so of an smtpd that never
did."""
import re
import shutil

import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.policyd import ANVIL_PASS, Policyd
from harness.ports import free_port
from harness.postfix import Postfix, pass_through
from harness.smtp import Smtp, send_one
from harness.wait import PATIENT, wait_until

EXEMPT, COUNTED = "127.0.5.1", "127.0.5.2"
WARNING = "smtpd does not ask the anvil face any more"
NO_LIMITS = ("-o smtpd_client_connection_count_limit=0 "
             "-o smtpd_client_connection_rate_limit=0 ")


class Host:
    """Two smtpds, one without limits of its own."""

    def __init__(self, place, keep, sections):
        place.chmod(0o755)
        self.helper = shutil.copy(ANVIL_PASS, place)
        self.anvil, self.policy = place / "anvil", place / "policy"
        ports = free_port(), free_port()
        self.server, self.unlimited = (("127.0.0.1", port) for port in ports)
        self.postfix = keep(Postfix(
            place / "postfix", port=ports[0],
            anvil=pass_through(self.helper, self.anvil),
            main={"smtpd_recipient_restrictions":
                  f"check_policy_service unix:{self.policy}",
                  "smtpd_client_event_limit_exceptions": EXEMPT},
            services={f"127.0.0.1:{ports[0]}": "",
                      f"127.0.0.1:{ports[1]}": NO_LIMITS}))
        self.postfix.start()
        self.policyd = keep(Policyd(
            place / "policyd", [f"anvil-pass:unix:{self.anvil}",
                                f"policy:unix:{self.policy}"],
            options=PATIENT, sections=sections))

    def silent(self):
        return self.policyd.metric("tollgate_anvil_silent")

    def missed(self):
        return self.policyd.metric("tollgate_anvil_missed_recipients_total")

    def become_silent(self):
        """As mail comes."""
        def told():
            assert send_one(self.server, COUNTED) == "250"
            return self.silent()
        wait_until(told, 30, "policyd notices that nobody asks")

    def check_all_is_well(self):
        assert (self.silent(), self.policyd.get("/readyz")) == \
            (0, (200, "ready\n"))
        assert asked(self.policyd, "status")["trouble"] is None

    def replace_anvil(self, *entries):
        path = self.postfix.etc / "master.cf"
        lines = [line for line in path.read_text().splitlines()
                 if not re.match(r"anvil\s|\s", line)]
        path.write_text("\n".join([*lines, *entries]) + "\n")


@pytest.fixture
def host(place, keep):
    return lambda *sections: Host(place, keep, sections)


def test_the_stock_anvil_is_back(host):
    """By postfix upgrade-configuration, on an entry whose first line does not
    hold the word twice; a service wants proof."""
    one = host(("service", "elsewhere", {
        "port": free_port(), "proxied": True,
        "trusted_proxies": ["192.0.2.1"]}))
    one.replace_anvil("anvil unix - n n - 0 spawn",
                      f" user=nobody argv={one.helper} {one.anvil}")
    one.postfix.reload()
    assert send_one(one.server, COUNTED) == "250"
    one.check_all_is_well()

    one.postfix.run("upgrade-configuration")
    assert len(re.findall(r"^anvil\s", one.postfix.master_cf(), re.M)) == 2
    one.postfix.reload()
    one.become_silent()
    assert one.policyd.process.text().count(WARNING) == 1
    status, page = one.policyd.get("/readyz")
    assert status == 503 and page.startswith(WARNING)
    assert asked(one.policyd, "status")["trouble"].startswith(WARNING)
    assert WARNING in tollgatectl("status", sockets=[one.policyd]).stdout
    assert one.missed() >= 3

    one.replace_anvil(pass_through(one.helper, one.anvil))
    one.postfix.reload()
    assert send_one(one.server, COUNTED) == "250"
    one.check_all_is_well()
    assert "anvil: smtpd asks again" in one.policyd.process.text()


def test_who_never_asked_says_nothing(host):
    """Exempt clients, an smtpd without limits, a policy client that is none;
    where all limits are taken away, smtpd does ask no more. Nobody could forge
    here, so policyd stays ready."""
    one = host()
    assert send_one(one.server, COUNTED) == "250"
    for _ in range(4):
        assert send_one(one.server, EXEMPT) == "250"
        assert send_one(one.unlimited, COUNTED) == "250"
    with Policy(one.policy) as script:
        for _ in range(4):
            assert script.rcpt("192.0.2.7") == "DUNNO"
    # One that serves exempt clients after others keeps its connection.
    with Smtp(one.server, COUNTED) as session:
        assert session.hello().send_message() == "250"
        session.quit()
    assert send_one(one.server, EXEMPT) == "250"
    assert one.missed() == 0
    one.check_all_is_well()

    one.postfix.postconf("-e", "smtpd_client_connection_count_limit=0",
                         "smtpd_client_connection_rate_limit=0")
    one.postfix.reload()
    one.become_silent()
    status, page = one.policyd.get("/readyz")
    assert status == 200 and page.startswith(f"ready, but {WARNING}")
    assert asked(one.policyd, "status")["trouble"].startswith(WARNING)
