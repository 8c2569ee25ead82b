"""An honest model for runs through the command line: answers made of the facts of the run at hand."""

from __future__ import annotations

import json
from pathlib import Path

import narration

from perftracker_ai.narrate.facts import read_facts

OF_RUN = {
    "headline": "[C1:endpoint] is [C1:median change] over [C1:affected loads].",
    "summary": (
        "We found [run:issues] in [run:curves compared]. The one that matters is [C1:endpoint]: it is "
        "[C1:median change] in the median, and this was seen with [C1:confidence]."
    ),
    "patterns": "What stands out: [run:pattern].",
    "risk.production": "Of the changes, [run:issues of moderate severity or worse] would reach production.",
    "risk.users": "People who use [C1:endpoint] will wait longer for it, above all at [C1:worst load].",
    "risk.advice": "[run:recommendation].",
}
OF_CLUSTER = {
    "impact": "At [T:worst load], [T:impact at the worst load], and it is so over [T:affected loads].",
    "remark": "[T:curves] of [T:metrics] agree on the shape: [T:shape].",
    "dive": (
        "The slowdown begins at [T:first affected load], where it is [T:values at the first point]. At "
        "[T:last affected load] it is [T:values at the last point]. Single loads are [T:largest change]."
    ),
    "action": "Profile [T:endpoint] at [T:worst load] on both versions, and compare where the time goes.",
}


def sheet_of(folder):
    """Read the facts a run wrote."""
    return read_facts((Path(folder) / "facts.json").read_bytes(), "facts.json")


def texts(sheet):
    """Give a text for everything that is asked for."""
    found = {key: text for key, text in OF_RUN.items() if key != "patterns" or sheet.by_label.get(("run", "pattern"))}
    found.setdefault("patterns", "The regressions share nothing that stands out.")
    for topic in dict.fromkeys((*sheet.narrated, *sheet.dives, *sheet.actions)):
        found |= {f"{topic}.{part}": text.replace("[T:", f"[{topic}:") for part, text in OF_CLUSTER.items()}
    return found


def honest(sheet, **changed):
    """Write an answer; keywords with a double underscore for the dot replace single texts."""
    return json.dumps(narration.document(sheet, texts(sheet) | {k.replace("__", "."): v for k, v in changed.items()}))
