"""A directory of a test's own, that Postfix's and other users may enter."""
import contextlib
import os
import pathlib
import shutil
import tempfile


@contextlib.contextmanager
def workdir(parent="/tmp"):
    """Short, because a unix socket's path has 107 bytes; kept for a look if
    TOLLGATE_KEEP is set."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="tg.", dir=parent))
    path.chmod(0o755)
    try:
        yield path
    finally:
        if "TOLLGATE_KEEP" not in os.environ:
            shutil.rmtree(path, ignore_errors=True)
