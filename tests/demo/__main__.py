"""./quickstart calls this: sets the stage, then plays the story or waits.

python3 -m demo [--isolated] [--redis] [--demo] [--door FD]
--isolated: we are in a network namespace of our own and may name its
addresses; --door: a socket outside of it that listens for browsers. Exit 0 if
all held, or after a Ctrl-C while waiting; 1 if something did not hold or could
not be started.
"""
import argparse
import os
import pathlib
import shutil
import signal
import sys
import time

from harness.control import TOLLGATECTL
from harness.workdir import workdir

from .door import Door
from .stage import CONNECTION_LIMIT, INBOX_LIMIT, MESSAGE_LIMIT, Network, Stage
from .story import STORY

SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
AWAY_S = 10
SEND = pathlib.Path(__file__).with_name("send")

HELP = """
tollgate-policyd and tollgate-milter run before a Postfix of their own,
counters in {store}
  direct                {direct}
  through HAProxy       {proxy}   (PROXY v2)
  configuration         {directory}/tollgate/tollgate.conf
  the daemons' logs     {directory}/tollgate/policyd.log
                        {directory}/milter/milter.log
  Postfix's log         {directory}/postfix/mail.log
  status page           {http}/   in your browser
  metrics               {http}/metrics

Try, in another terminal, as root:
  {enter}{send} {proxy} --from {client}
      a message; Postfix's log has the client's true address
  {enter}{send} {proxy} --from {client} --connections {connections}
      connection {connections} of one client gets 421
  {enter}{send} {direct} --from {client} --messages {messages}
      message {messages} in a minute gets 450
  {enter}{send} {direct} --to busy@test.example --messages {inbox}
      recipient {inbox} of one inbox in a minute: tollgate's own limit
  {ctl} show {client}
      what is counted for that client; reset lets him through
  {ctl} -h
      what else there is to see and to change
  {program} setup
      a tollgate.conf for your own host, by some questions; then "doctor" says
      what its main.cf and master.cf lack, and prints the commands
  kill -9 {policyd}
      policyd gone: the helper answers in its place, clients get 421

Ctrl-C stops everything.
"""


def show_help(stage, http_port):
    network = stage.network
    enter = f"nsenter -t {os.getpid()} -n " if network.is_isolated else ""
    print(HELP.format(
        store=stage.store, directory=stage.directory, enter=enter, send=SEND,
        direct="{}:{}".format(*stage.direct),
        proxy="{}:{}".format(*stage.through_proxy),
        client=network.client(1), connections=CONNECTION_LIMIT + 1,
        messages=MESSAGE_LIMIT + 1, inbox=INBOX_LIMIT + 1,
        ctl=f"{TOLLGATECTL} -s {stage.policyd.control} "
            f"-s {stage.milter.control}",
        program=TOLLGATECTL, http=f"http://127.0.0.1:{http_port}",
        policyd=stage.policyd.process.pid), flush=True)


def serve(stage):
    """Until Ctrl-C or TERM. A policyd that was killed comes back."""
    while True:
        while stage.policyd.process.is_running():
            time.sleep(0.5)
        print(f"policyd has gone; it is back in {AWAY_S} s", flush=True)
        time.sleep(AWAY_S)
        stage.policyd.start()
        print(f"policyd is back, pid {stage.policyd.process.pid}", flush=True)


def play(stage):
    """The whole story; True if all of it held."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    results = []

    def seen(what, reply, expected):
        is_good = expected in reply if " " in expected or "=" in expected \
            else reply.startswith(expected)
        results.append(is_good)
        mark = "ok " if is_good else "BAD"
        shown = " ".join(reply.split()) or "(connection lost)"
        print(f"  {mark} {what:38} {shown}"[:width], flush=True)
        if not is_good:
            print(f"      expected {expected!r}, saw {reply!r}")

    for title, chapter in STORY:
        print(title, flush=True)
        try:
            chapter(stage, seen)
        except (AssertionError, OSError) as error:
            results.append(False)
            print(f"  BAD the chapter ended: {error}")
    print(f"{results.count(True)} held, {results.count(False)} did not")
    return all(results)


def run(options):
    with workdir() as directory, Stage(
            directory, Network(options.isolated), options.redis) as stage:
        try:
            if options.demo:
                return 0 if play(stage) else 1
            port = stage.policyd.http_port
            if options.door is not None:
                port = Door(options.door, ("127.0.0.1", port)).port
            show_help(stage, port)
            serve(stage)
        finally:
            ignore_signals()


def ignore_signals():
    """Nobody interrupts the tidying up."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def main():
    parser = argparse.ArgumentParser(prog="quickstart")
    for option in "--isolated", "--redis", "--demo":
        parser.add_argument(option, action="store_true")
    parser.add_argument("--door", type=int, metavar="FD")
    options = parser.parse_args()

    def on_signal(number, _):
        ignore_signals()
        sys.exit(128 + number if options.demo else 0)

    for number in SIGNALS:
        signal.signal(number, on_signal)
    try:
        return run(options)
    except (AssertionError, OSError) as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1


sys.exit(main())
