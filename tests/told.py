"""An honest model for runs through the command line: answers made of the facts of the run at hand."""

from __future__ import annotations

import json
from pathlib import Path

import narration

from perftracker_ai.narrate.facts import read_facts

OF_RUN = {
    "headline": "[C1:endpoint] is [C1:slowdown] over [C1:affected loads].",
    "summary": (
        "We found [run:issues] in [run:curves]. The one that matters is [C1:endpoint]: it is "
        "[C1:slowdown] in the median, and this was seen with [C1:confidence]."
    ),
    "patterns": "What stands out: [run:pattern].",
    "risk.production": "Of the changes, [run:issues of moderate severity or worse] would reach production.",
    "risk.users": "People who use [C1:endpoint] will wait longer for it, above all at [C1:load].",
    "risk.advice": "[run:recommendation].",
}
OF_CLUSTER = {
    "impact": "At [T:load], [T:values], and it is so over [T:affected loads].",
    "remark": "At [T:load] this is [T:values] of [T:metric], and it holds over [T:affected loads].",
    "dive": (
        "The slowdown begins at [T:affected loads], where it is [T:values]. At "
        "[T:affected loads] it is [T:values]. It is [T:slowdown] in the median."
    ),
    "action": "Profile [T:endpoint] at [T:load] on both versions, and compare where the time goes.",
}


def sheet_of(folder):
    """Read the facts a run wrote."""
    return read_facts((Path(folder) / "facts.json").read_bytes(), "facts.json")


def texts(sheet):
    """Give a text for everything that is asked for."""
    shared = any(fact.label.startswith("pattern ") for fact in sheet.facts)
    found = {key: text for key, text in OF_RUN.items() if key != "patterns" or shared}
    found.setdefault("patterns", "The regressions share nothing that stands out.")
    for topic in dict.fromkeys((*sheet.narrated, *sheet.dives, *sheet.actions)):
        found |= {f"{topic}.{part}": text.replace("[T:", f"[{topic}:") for part, text in OF_CLUSTER.items()}
    return found


def honest(sheet, **changed):
    """Write an answer; keywords with a double underscore for the dot replace single texts."""
    return json.dumps(narration.document(sheet, texts(sheet) | {k.replace("__", "."): v for k, v in changed.items()}))
