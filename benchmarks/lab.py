"""Measure the whole judgement on jobs of a real service, counted as their README says.

``python benchmarks/lab.py [DIR] [-v]``; ``-v`` names every pair with its false alarms.

All ordered pairs within a series: the base version against itself with the candidate's version changed (A/A), the later
version and the job beside a busy process against every run of the base version; each without reruns, with the two other
runs of the base version as reruns, and with every kind of run that there is. *Found* is a curve that is regressed or
moved with the run to the worse where the change is visible; a *false alarm* is a curve whose code did not change and
that is called regressed by code. The rates are per 1,000 curves; *block* counts verdicts.
"""

from __future__ import annotations

import gzip
import json
import sys
from itertools import product
from pathlib import Path

from msgspec.structs import replace

from perftracker_ai.commands.analyze import judge
from perftracker_ai.model import Attribution, Confidence, Direction, Outcome, Verdict
from perftracker_ai.settings import ProductSettings
from perftracker_ai.sources.document import parse_job

DEFAULT = Path(__file__).parents[2] / "shared" / "lab"
SERIES = (((91001, 91002, 91003, 91004), 91012), ((90001, 90002, 90003), 90011))
HOG = 91031


def load(folder, number):
    return parse_job(gzip.decompress((folder / f"job-{number}.json.gz").read_bytes()), str(number))


def relabelled(job):
    return replace(job, info=replace(job.info, product_ver=f"{job.info.product_ver}-relabelled"))


def truth(folder, number):
    rows = json.loads((folder / f"truth-{number}.json").read_text())["curves"]
    return {(row["endpoint"], row["scenario"], row["metric_type"], row["threads"]): row for row in rows}


def judged(jobs, base, candidate, reruns):
    runs = [jobs[base], relabelled(jobs[candidate]), *(jobs[number] for number in reruns)]
    return judge(runs, ProductSettings(), seed=1).analysis


class Tally:
    """Counts of one kind of pair."""

    def __init__(self):
        self.curves = self.alarms = self.undecided = self.blocks = self.pairs = 0
        self.due = self.found = self.right = self.flagged = self.high = self.high_right = 0
        self.names = []

    def add(self, analysis, known, name):
        """Count what was said of one pair."""
        self.pairs += 1
        self.blocks += analysis.decision.verdict is Verdict.BLOCK
        wrong = 0
        for result in analysis.detection.results:
            curve = analysis.curves.curves[result.curve]
            row = known.get((curve.endpoint, curve.scenario, curve.metric_kind.value, curve.threads), {})
            if row.get("ambiguous"):
                continue
            changed, visible = row.get("changed", False), row.get("visible", False) and row["direction"] == "worse"
            regressed = result.outcome is Outcome.REGRESSED
            worse = result.windows and result.windows[result.worst].direction is Direction.WORSE
            found = regressed or (result.outcome is Outcome.MOVED and worse)
            code = regressed and result.attribution is Attribution.CODE
            self.curves += not changed
            self.alarms += code and not changed
            wrong += code and not changed
            self.undecided += regressed and not code and not changed
            self.due += bool(visible)
            self.found += bool(visible and found)
            self.flagged += code
            self.right += bool(code and changed)
            if code and result.confidence is Confidence.HIGH:
                self.high += 1
                self.high_right += bool(changed)
        self.names.append(f"{name}:{wrong}{'B' if analysis.decision.verdict is Verdict.BLOCK else ''}")

    def line(self, name):
        """Give the rates of a kind of pair."""
        per = 1000 / max(self.curves, 1)
        recall = f"{self.found / self.due:.2f}" if self.due else "-"
        precision = f"{self.right / self.flagged:.3f}" if self.flagged else "-"
        high = f"{self.high_right}/{self.high}"
        return (
            f"{name:28} {self.pairs:5} {per * self.alarms:8.1f} {per * self.undecided:10.1f} {self.blocks:6}"
            f" {recall:>7} {precision:>9} {high:>10}"
        )


def pairs(folder, jobs):
    """Go through all pairs: the kind of pair, its name, the analysis and what is true of its curves."""
    for base, later in SERIES:
        known = truth(folder, later)
        for first, (reruns, words) in product(base, ((0, "no reruns"), (2, "two reruns"))):
            others = [number for number in base if number != first]
            candidates = [("A/A", second, {}) for second in others]
            candidates += [("A/B", later, known)]
            candidates += [("busy machine", HOG, {})] if first // 1000 == HOG // 1000 else []
            for kind, candidate, true in candidates:
                rest = [number for number in others if number != candidate][:reruns]
                if len(rest) == reruns:
                    yield f"{kind}, {words}", f"{first}-{candidate}", judged(jobs, first, candidate, rest), true


def main():
    folder = next((Path(text) for text in sys.argv[1:] if text != "-v"), DEFAULT)
    numbers = sorted({number for base, later in SERIES for number in (*base, later)} | {HOG})
    jobs = {number: load(folder, number) for number in numbers}
    tallies = {}
    for kind, name, analysis, true in pairs(folder, jobs):
        tallies.setdefault(kind, Tally()).add(analysis, true, name)
    print(f"{'':28} pairs  false/k undecided/k  block  recall precision high right")
    for name, tally in tallies.items():
        print(tally.line(name))
    if "-v" in sys.argv:
        for name, tally in tallies.items():
            print(name, *tally.names)


if __name__ == "__main__":
    main()
