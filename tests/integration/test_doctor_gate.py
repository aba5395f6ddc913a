"""tollgatectl doctor where a gate of policyd takes a listener's place."""
import pytest

from harness.clinic import Clinic

GATE = {"10465": {}, "12525": {
    "pass_to": "/var/spool/postfix/public/smtpd-gate"}}


@pytest.fixture
def clinic(place, keep):
    """Postfix as doctor left it, before there was a gate."""
    place.chmod(0o755)
    clinic = Clinic(place, keep)
    clinic.treat()
    assert clinic.names() == []
    clinic.write_config(services=GATE, listen=[
        f"policy:unix:{clinic.policy}", f"sni:unix:{clinic.queue}/tollgate/sni",
        f"anvil-pass:unix:{clinic.anvil}", "gate:inet:0.0.0.0:12525"])
    return clinic


def options(clinic, service):
    return clinic.postconf("-P", f"{service}/*").splitlines()


def test_a_listener_becomes_a_pass_service(clinic):
    """With its options, but what is about the header."""
    clinic.postconf("-P", "12525/inet/smtpd_timeout=77s")
    assert sorted(clinic.names()) == ["gate-port", "gate-service"]
    [advice] = clinic.treat()
    assert "postconf -MX 12525/inet" in advice
    assert clinic.postconf("-M", "smtpd-gate/pass").split()[:8] == \
        "smtpd-gate pass n - y - - smtpd".split()
    there = options(clinic, "smtpd-gate/pass")
    assert "smtpd-gate/pass/smtpd_timeout = 77s" in there
    for name in "smtpd_policy_service_policy_context", \
            "milter_macro_daemon_name":
        assert f"smtpd-gate/pass/{name} = smtpd-gate" in there
    assert "upstream_proxy" not in "".join(there)
    assert clinic.names() == ["gate-port"]
    clinic.postconf("-MX", "12525/inet")
    assert clinic.names() == []


def test_a_session_must_say_where_it_came_from(clinic):
    clinic.treat()
    clinic.postconf("-MX", "12525/inet")
    clinic.postconf("-P", "smtpd-gate/pass/"
                    "smtpd_policy_service_policy_context=other")
    assert clinic.names() == ["gate-name"]
    clinic.treat()
    assert clinic.names() == []


def test_other_checks_look_behind_the_gate(clinic):
    """At the smtpd of the pass service as at any listener."""
    clinic.treat()
    clinic.postconf("-MX", "12525/inet")
    clinic.postconf("-P", "smtpd-gate/pass/"
                    "smtpd_recipient_restrictions=permit_mynetworks,reject")
    assert clinic.names() == ["policy-missing"]
    clinic.treat()
    assert clinic.names() == []


def test_a_private_socket(clinic):
    """Whoever names one gets the line for it."""
    clinic.config.write_text(
        clinic.config.read_text().replace("/public/", "/private/"))
    clinic.treat()
    assert clinic.postconf("-M", "smtpd-gate/pass").split()[2] == "-"
