"""AppArmor profiles for tollgate and for smtpd, as a container's default one
is: everything is allowed but what it leaves out. Source: apparmor.d(5)."""
import contextlib
import subprocess

NAME = "tollgate-tested"
SMTPD = "/usr/lib/postfix/sbin/smtpd"

FAMILIES = ("inet", "inet6", "unix", "netlink")
ALL_PTRACE = "ptrace,"
OWN_PTRACE = "ptrace peer=@{profile_name},"

# What stands before a command that is to be confined.
CONFINED = ["aa-exec", "-p", NAME, "--"]


def text(name, *, path="", ptrace=ALL_PTRACE, without=()):
    """path: of programs that get it whoever starts them."""
    networks = "".join(f"  network {family},\n" for family in FAMILIES
                       if family not in without)
    return (f"profile {name} {path} flags=(attach_disconnected) {{\n"
            f"  capability,\n  file,\n  signal,\n  unix,\n  {ptrace}\n"
            f"{networks}}}\n")


def _parse(option, profile):
    subprocess.run(["apparmor_parser", option], input=profile, text=True,
                   check=True, timeout=120)


def load(profile):
    """In force at once, for processes that have it too."""
    _parse("--replace", profile)


@contextlib.contextmanager
def loaded(*profiles):
    for profile in profiles:
        load(profile)
    try:
        yield
    finally:
        for profile in profiles:
            _parse("--remove", profile)
