"""A newcomer's path: a bare Debian, a copy of the source, and README's first
command, all of it in under five minutes."""
import re

import pytest

from harness.policyd import TOP
from packlab.root import base_root, host_suite, run_in

from conftest import copy_source

pytestmark = pytest.mark.xdist_group("newcomer")
FIVE_MINUTES = 300


def first_command():
    return re.search(r"^- `(\./\w+)`", (TOP / "README.md").read_text(),
                     re.M).group(1)


def test_the_story_holds_on_a_bare_debian(work):
    over = work / "newcomer"
    (over / "upper").mkdir(parents=True)
    copy_source(over / "upper/tollgate")
    said = run_in(base_root(host_suite()), over, "sh", "-ec",
                  f"cd /tollgate; {first_command()} --demo",
                  timeout=FIVE_MINUTES)
    assert not re.search(r"^ *BAD ", said, re.M), said  # nor a queue id
    assert said.count("ok  ") > 20, said
