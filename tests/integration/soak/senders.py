"""Honest clients, through the proxy: some far below the limits, some over
them, some under TLS; each writes down what he was told of each message."""
import contextlib
import itertools
import time

from harness.cert_site import NAME
from harness.smtp import Smtp

from .ledger import Handshake, Sent
from .site import BULK_DOMAIN, BULK_SENDER
from .worker import Worker, Workers

# Longer than anything in Postfix or HAProxy may take.
TIMEOUT = 120
MODEST, GREEDY = 6, 4  # threads


class Ended(Exception):
    """No more can be said in this session."""


class Senders(Workers):
    """Modest ones have an address each; the greedy share one."""

    def __init__(self, site, ledger, seed):
        self._site, self._ledger = site, ledger
        self._numbers = itertools.count()
        super().__init__(
            [Worker(self._modest(i), seed + i) for i in range(MODEST)] +
            [Worker(self._greedy, seed + 100 + i) for i in range(GREEDY)])

    def _modest(self, index):
        def turn(dice, over):
            over.wait(dice.uniform(0.2, 1.2))
            session = _Session(self, f"127.0.51.{index + 1}", True)
            session.run(dice, dice.randrange(1, 4), dice.random() < 0.5,
                        f"sender{index}@client.example")
        return turn

    def _greedy(self, dice, over):
        over.wait(dice.uniform(0, 2))
        senders = [BULK_SENDER, f"one@{BULK_DOMAIN}", "other@client.example"]
        session = _Session(self, "127.0.52.1", False)
        session.run(dice, dice.randrange(1, 6), dice.random() < 0.1,
                    dice.choice(senders))


class _Session:
    def __init__(self, senders, source, is_modest):
        self._site, self._ledger = senders._site, senders._ledger
        self._numbers = senders._numbers
        self._source, self._is_modest = source, is_modest
        self._began = time.monotonic()
        self._smtp = None

    def run(self, dice, messages, is_tls, sender):
        self._message = self._new_message()
        try:
            self._open()
            with self._smtp:
                self._greet()
                if is_tls:
                    self._start_tls(dice.choice([NAME, NAME.upper(), None]))
                for _ in range(messages):
                    self._message = self._new_message()
                    self._send(dice, sender)
                with contextlib.suppress(OSError):
                    self._smtp.command("QUIT")
        except Ended:
            pass

    def _new_message(self):
        return Sent(self._began, name=f"m{next(self._numbers)}",
                    is_modest=self._is_modest)

    def _note(self, step, code):
        self._message.step, self._message.code = step, code
        self._message.ended = time.monotonic()
        self._ledger.sent.append(self._message)

    def _say(self, step, line=None):
        try:
            return self._smtp.command(line or step)
        # A silence of two minutes is the end too, and no reply.
        except OSError:
            self._note(step, "")
            raise Ended from None

    def _expect(self, step, wanted, line=None):
        """Is it the reply that is wanted? If not, it is noted; and the end,
        unless the session goes on after such an answer."""
        code = self._say(step, line)
        if code == wanted:
            return True
        self._stop_if_over(step, code)
        self._note(step, code)
        return False

    def _stop_if_over(self, step, code):
        if code in ("", "421"):
            self._note(step, code)
            raise Ended

    def _open(self):
        try:
            self._smtp = Smtp(self._site.front, self._source, TIMEOUT)
        except OSError:
            self._note("connect", "")
            raise Ended from None

    def _greet(self):
        if self._smtp.greeting != "220":
            self._note("connect", self._smtp.greeting)
            raise Ended
        if not self._expect("EHLO", "250", "EHLO client.example"):
            raise Ended

    def _start_tls(self, name):
        """If it is refused, the session goes on without."""
        code = self._say("STARTTLS")
        if code != "220":
            self._stop_if_over("STARTTLS", code)
            return
        shaken = Handshake(time.monotonic(), name=name)
        try:
            shaken.fingerprint = self._smtp.shake_hands(name)
        except OSError:  # SSLError is one
            self._note("TLS", "")
            raise Ended from None
        finally:
            shaken.ended = time.monotonic()
            self._ledger.handshakes.append(shaken)
        if not self._expect("EHLO", "250", "EHLO client.example"):
            raise Ended

    def _send(self, dice, sender):
        if not self._expect("MAIL", "250", f"MAIL FROM:<{sender}>"):
            return
        recipients, refusal = [], ""
        for number in range(dice.randrange(1, 4)):
            to = f"user{number}@test.example"
            code = self._say("RCPT", f"RCPT TO:<{to}>")
            if code == "250":
                recipients.append(to)
            else:
                self._stop_if_over("RCPT", code)
                refusal = code
        if not recipients:
            self._note("RCPT", refusal)
            self._say("RSET")
        elif self._expect("DATA", "354"):
            self._message.recipients = tuple(recipients)
            if self._expect(".", "250", self._content(dice)):
                self._note(".", "250")

    def _content(self, dice):
        lines = ["Subject: soak", f"X-Soak: {self._message.name}", ""]
        lines += ["From the soak test" * 3] * dice.choice([1, 1, 5, 200])
        return "\r\n".join([*lines, "."])
