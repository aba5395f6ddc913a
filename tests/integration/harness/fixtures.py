"""What the fixtures of several folders of tests are made of."""
import contextlib
import os
import shutil

from .policyd import ANVIL_PASS, MILTER, POLICYD


def missing():
    """What keeps Postfix and our daemons from being run here; None: nothing."""
    if os.geteuid() != 0:
        return "needs root: Postfix's master does"
    if shutil.which("postfix") is None:
        return "needs the package postfix"
    if not all(it.exists() for it in (ANVIL_PASS, MILTER, POLICYD)):
        return f"needs {POLICYD}: build first, or set TOLLGATE_BUILDDIR"
    return None


@contextlib.contextmanager
def keeper():
    """keep(thing) closes it in the end, the last one first."""
    with contextlib.ExitStack() as stack:
        def keep(thing):
            stack.callback(thing.close)
            return thing
        yield keep
