"""A log that a test waits for lines in."""
import re

from .wait import wait_until


class LogFile:
    def __init__(self, path):
        self.path = path

    def text(self):
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def mark(self):
        """A position for find and wait_for: only what is written later."""
        return len(self.text())

    def find(self, pattern, since=0):
        return re.search(pattern, self.text()[since:], re.MULTILINE)

    def wait_for(self, pattern, since=0, timeout=10):
        return wait_until(lambda: self.find(pattern, since), timeout,
                          lambda: f"/{pattern}/ in the log:\n{self.text()}")
