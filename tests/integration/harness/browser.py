"""Chromium without a screen, led over a pipe (DevTools protocol)."""
import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time


class Browser:
    def __init__(self, directory):
        program = shutil.which("chromium")
        assert program, "the package chromium"
        directory.mkdir()
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def put_in_place():
            """It reads from 3 and writes to 4."""
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10)
                    for fd in (to_read, to_write)]
            for wanted, fd in enumerate(high, 3):
                os.dup2(fd, wanted)
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--remote-debugging-pipe",
             f"--user-data-dir={directory}", "about:blank"],
            pass_fds=(3, 4), preexec_fn=put_in_place, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "HOME": str(directory)},
            start_new_session=True)
        os.close(to_read)
        os.close(to_write)
        self._numbers = itertools.count(1)
        self._bytes = b""
        self.events = []
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")
        self._session = self.call("Target.attachToTarget", flatten=True,
                                  targetId=target["targetId"])["sessionId"]
        for domain in "Page", "Runtime", "Log":
            self.call(f"{domain}.enable")

    def _next(self, deadline):
        while b"\0" not in self._bytes:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._read], [], [], left)[0], \
                "the browser is silent"
            more = os.read(self._read, 65536)
            assert more, "the browser has ended"
            self._bytes += more
        text, _, self._bytes = self._bytes.partition(b"\0")
        return json.loads(text)

    def call(self, method, **parameters):
        message = {"id": next(self._numbers), "method": method,
                   "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self._next(deadline)
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression,
                           returnByValue=True)["result"]
        return result.get("value")

    def screen(self, width, height, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=width < 700)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    def picture(self):
        return base64.b64decode(self.call(
            "Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def complaints(self):
        """What the browser refused to do, and scripts that failed."""
        self.value("0")
        return [it for it in self.events
                if it.get("method") in ("Log.entryAdded",
                                        "Runtime.exceptionThrown")]

    def close(self):
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self._read)
        os.close(self._write)
