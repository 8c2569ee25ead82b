"""What of a bank of sentences gets into a report: `python benchmarks/narration.py result_v2.json BANK.json…`.

A bank is a list of entries with ``text``, ``topic``, ``kind``, ``expect``, ``slots`` and perhaps
``harmless_if_printed``; ``[C1:slowdown]`` in a text stands for the slot of that fact. Issues are found again by their
endpoints, for their ranks change with detection. Each entry is put, by itself, into an answer: as a remark on its
issue, or as the commentary. Counted is how many of those that are ``never`` to stand do (one that prints its own place
or version is harmless), how many of the others that a model only may get into its fence do, and how many of those to
be ``kept`` are. Entries whose facts the report does not state are counted apart.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

from perftracker_ai.model import Author, Direction
from perftracker_ai.narrate.compose import compose
from perftracker_ai.narrate.facts import build_facts
from perftracker_ai.narrate.sections import COMMENTARY, REMARKS
from perftracker_ai.narrate.values import RUN, Label
from perftracker_ai.narrate.verify import verify
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.read import read_result

LABELS = {
    "median change": "slowdown",
    "worst load": "load",
    "threads at the worst load": "thread count",
    "impact at the worst load": "values",
    "values at the worst load": "values",
    "added at the worst load": "added time",
    "first affected load": "affected loads",
    "first affected load 1": "affected loads",
    "last affected load": "affected loads",
    "last affected load 1": "affected loads",
    "pattern 1": "pattern of threads 1",
    "pattern 2": "pattern of threads 2",
    "pattern 3": "pattern of threads 3",
    "pattern 4": "pattern of methods 1",
    "pattern 5": "pattern of methods 2",
    "severe issues": "issues",
}
"""Labels of earlier facts, and what says the same today."""
AUTHOR = Author(model="bank", digest="", window=None, prompt_tokens=None, answer_tokens=None, seed=0)
_MARK = re.compile(r"\[([^:\]]+):([^\]]+)\]")


def main(result, *banks):
    shown = view(read_result(Path(result).read_bytes(), result))
    sheet = build_facts(shown, build(shown))
    entries = [entry for bank in banks for entry in json.loads(Path(bank).read_text(encoding="utf-8"))]
    issues = renamed(entries, sheet)
    counted = Counter()
    for entry in entries:
        text = slotted(entry["text"], issues, sheet)
        topic = issues.get(entry["topic"], "")
        outcome = "no such fact" if text is None else judged(entry, text, topic, sheet)
        counted[entry["expect"], outcome] += 1
        if (entry["expect"], outcome) in (("kept", "refused"), ("never", "stands")):
            print(f"{entry['expect']:6}{outcome:9}{entry['topic']:4}{entry['text']}  {why(text, topic, sheet)}")
        if outcome == "harmless":
            print(f"{'':15}{entry['text']}  {printed_text(text, topic, sheet)}")
    for (expect, outcome), count in sorted(counted.items()):
        print(f"{expect:8}{outcome:14}{count:5}")
    kept, refused = counted["kept", "stands"], counted["kept", "refused"]
    print(f"kept: {kept / max(1, kept + refused):.1%}")


def renamed(entries, sheet):
    """Find today's rank of every issue of a bank by its endpoint and direction; one that changed twice is two."""
    named = {}
    for entry in entries:
        for name, text in entry["slots"].items():
            issue, _, label = name.partition(":")
            named[issue] = named.get(issue, ()) + ((text,) if label in ("endpoint", "median change") else ())
    return {issue: found for issue, texts in named.items() if (found := rank(texts, sheet))}


def rank(texts, sheet):
    wanted = Direction.BETTER if any("less" in text or "faster" in text for text in texts) else Direction.WORSE
    named = {fact.subject for fact in sheet.facts if fact.label == Label.NAME and fact.text in texts}
    return next((topic.id for topic in sheet.topics if topic.id in named and topic.direction is wanted), None)


def slotted(text, issues, sheet):
    """Put slots in the place of names; None when there is no such fact."""
    ids = {mark: fact_id(*mark, issues, sheet) for mark in _MARK.findall(text)}
    if None in ids.values():
        return None
    return _MARK.sub(lambda found: f"{{{{{ids[found[1], found[2]]}}}}}", text)


def fact_id(issue, label, issues, sheet):
    if issue == "catalogue":
        return next((fact.id for fact in sheet.facts if fact.label == label), None)
    subject = RUN if issue == RUN else issues.get(issue)
    fact = sheet.find(subject, LABELS.get(label, label))
    return fact.id if fact else None


def answered(text, topic, sheet):
    """Put a text into an answer, as a remark where its issue may have one."""
    made = {REMARKS: {topic: text}} if topic in sheet.narrated else {COMMENTARY: text}
    return verify(json.dumps(made), sheet, frozenset([f"{topic}.remark" if topic in sheet.narrated else "commentary"]))


def judged(entry, text, topic, sheet):
    printed = printed_text(text, topic, sheet)
    if not printed:
        return "refused"
    return "harmless" if is_harmless(entry, printed) else "stands"


def printed_text(text, topic, sheet):
    told = compose(sheet, answered(text, topic, sheet), AUTHOR)
    return " ".join("".join(piece.text for piece in one.pieces) for one in told.passages)


def is_harmless(entry, printed):
    """Tell whether a value told of the wrong place or version prints its own; the bank knows places of its own run."""
    return "harmless_if_printed" in entry and " (" in printed


def why(text, topic, sheet):
    return "; ".join(f"{found.kind.name} [{found.excerpt}]" for found in answered(text, topic, sheet).violations)


if __name__ == "__main__":
    main(*sys.argv[1:])
