"""Pairs of measurements, their median with its interval, and the table.

A figure is judged by its median. The interval is that of the median (order
statistics of a binomial, at least 95 %): it asks nothing of the distribution,
which on a shared machine has a long tail on one side.
"""
import dataclasses
import math
from statistics import median


def take_turns(count, *runs, until=None):
    """count rounds; each run's results. Who begins a round rotates. until:
    given the results so far, after each round; true: they are enough."""
    results = [[] for _ in runs]
    for number in range(count):
        for place in range(len(runs)):
            who = (number + place) % len(runs)
            results[who].append(runs[who]())
        if until is not None and until(results):
            break
    return results


def is_narrow(above, below):
    """The median of the pairs is known to a hundredth either way."""
    values = ratios(above, below)
    within = interval(values)
    return within is not None and \
        within[1] - within[0] <= 0.02 * median(values)


def ratios(above, below):
    return [a / b for a, b in zip(above, below)]


def interval(values):
    """Where the median is with 95 % confidence; None: too few values."""
    count, ordered = len(values), sorted(values)
    outside, cut = 0.0, 0
    while True:
        outside += math.comb(count, cut) / 2 ** count
        if outside > 0.025:
            break
        cut += 1
    return (ordered[cut - 1], ordered[count - cut]) if cut else None


@dataclasses.dataclass
class Figure:
    name: str
    title: str
    measured: float
    unit: str = "x"
    asked: float = None      # None: not judged
    at_least: bool = True    # else at most
    values: list = dataclasses.field(default_factory=list)
    beside: dict = dataclasses.field(default_factory=dict)

    @property
    def verdict(self):
        if self.asked is None:
            return ""
        is_met = (self.measured >= self.asked if self.at_least
                  else self.measured <= self.asked)
        return "ok" if is_met else "SHORT"

    @property
    def interval(self):
        return interval(self.values) if self.values else None

    def row(self):
        asked = "" if self.asked is None else (
            f"{'>=' if self.at_least else '<='} {self.asked:g}")
        spread = self.interval
        spread = f"{spread[0]:.3g} .. {spread[1]:.3g}" if spread else ""
        return (self.title, asked, f"{self.measured:.4g} {self.unit}", spread,
                self.verdict)

    def json(self):
        return {**dataclasses.asdict(self), "interval": self.interval,
                "verdict": self.verdict}


def of_pairs(name, title, values, **rest):
    """The figure whose measure is the median of these."""
    return Figure(name, title, median(values), values=values, **rest)


def number(value):
    """Few digits, whatever the size."""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def table(figures):
    head = ("figure", "asked", "measured", "95 % of it within", "")
    rows = [head] + [figure.row() for figure in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths))
             .rstrip() for row in rows]
    lines.append("")
    for figure in figures:
        lines += [f"{figure.name}: {what} {number(value)}"
                  for what, value in figure.beside.items()]
    return "\n".join(lines)
