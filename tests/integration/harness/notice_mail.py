"""A Postfix that keeps what tollgate mails, to be looked at."""
from .ports import free_port
from .postfix import Postfix


def notice_mail(place, keep):
    checks = place / "checks"
    checks.write_text("/^Subject: tollgate:/ HOLD\n")
    postfix = keep(Postfix(place / "postfix", port=free_port(), main={
        "header_checks": f"regexp:{checks}"}))
    postfix.start()
    return postfix
