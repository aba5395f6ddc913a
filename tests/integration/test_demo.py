"""What ./quickstart shows must hold, in a network of its own and without."""
import os
import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("before, options", [
    (["unshare", "--net"], ["--isolated"]),
    ([], []),
    ([], ["--redis"]),
], ids=["isolated", "loopback", "redis"])
def test_the_story_holds(before, options):
    done = subprocess.run(
        [*before, sys.executable, "-B", "-m", "demo", "--demo", *options],
        env={**os.environ, "PYTHONPATH": f"{TESTS}/integration:{TESTS}"},
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " held, 0 did not" in done.stdout
