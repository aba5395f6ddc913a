"""Counts test cases from what the test runners left behind.

    tally.py make-check BUILD_DIR    automake's .trs and .log files, TAP inside
    tally.py junit FILE              pytest's --junitxml

Prints one line per finding, for the calling shell script:
"passed N", "failed NAME: WHY", "skipped NAME: WHY".
It does not run anything. A runner that left less behind than it announced
(a crash, nothing collected) is a failure: what did not run, did not pass.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

TAP_LINE = re.compile(r"^(not )?ok \d+\b(?: -)? *(.*)$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)$")
TAP_SKIP = re.compile(r"^# *SKIP\b *(.*)$", re.IGNORECASE)


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def total(self):
        return self.passed + len(self.failed) + len(self.skipped)

    def print(self):
        print("passed", self.passed)
        for kind, lines in ("failed", self.failed), ("skipped", self.skipped):
            for line in lines:
                print(kind, " ".join(line.split()))


def tap(tally, program, text, succeeded):
    """A program's TAP output, perhaps of several groups; False: no TAP."""
    planned = seen = 0
    failed_before = len(tally.failed)
    for line in text.splitlines():
        plan, result = TAP_PLAN.match(line), TAP_LINE.match(line)
        if plan:
            planned += int(plan[1])
        if not result:
            continue
        seen += 1
        skip = TAP_SKIP.match(result[2])
        if skip:
            tally.skipped.append(f"{program}: {skip[1]}")
        elif result[1]:
            tally.failed.append(f"{program}: {result[2]}")
        else:
            tally.passed += 1
    if not planned and not seen:
        return False
    for _ in range(planned - seen):
        tally.failed.append(f"{program}: announced, but did not run")
    if not succeeded and len(tally.failed) == failed_before:
        tally.failed.append(f"{program}: its exit status")
    return True


def one_case(tally, program, text, result):
    """A script that says no more than its exit status."""
    if result == "SKIP":
        reason = text.strip().splitlines()[-1:] or ["no reason given"]
        tally.skipped.append(f"{program}: {reason[0]}")
    elif result == "PASS":
        tally.passed += 1
    else:
        tally.failed.append(f"{program}: {result}")


def make_check(build):
    tally = Tally()
    for trs in sorted(pathlib.Path(build).rglob("*.trs")):
        program = str(trs.relative_to(build).with_suffix(""))
        result = re.search(r"^:test-result: (\w+)", trs.read_text(), re.M)
        result = result[1] if result else "no result"
        text = trs.with_suffix(".log").read_text(errors="replace")
        # The harness adds a last line of its own: PASS name (exit status: 0)
        text = re.sub(r"\n[A-Z]+ \S+ \(exit status: \d+\)\s*$", "\n", text)
        if result == "SKIP":
            one_case(tally, program, text, result)
        elif not tap(tally, program, text, result == "PASS"):
            one_case(tally, program, text, result)
    return tally


def junit(path):
    tally = Tally()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        outcome = {child.tag: child for child in case}
        bad = outcome.get("failure", outcome.get("error"))
        if bad is not None:
            why = (bad.get("message") or bad.text or "").strip() or "no reason"
            tally.failed.append(f"{name}: {why.splitlines()[0]}")
        elif "skipped" in outcome:
            tally.skipped.append(f"{name}: {outcome['skipped'].get('message')}")
        else:
            tally.passed += 1
    return tally


def main():
    reader = {"make-check": make_check, "junit": junit}[sys.argv[1]]
    try:
        tally = reader(sys.argv[2])
    except (OSError, ElementTree.ParseError) as error:
        tally = Tally()
        tally.failed.append(f"no results: {error}")
    if not tally.total():
        tally.failed.append(f"{sys.argv[1]} {sys.argv[2]}: not one test ran")
    tally.print()


main()
