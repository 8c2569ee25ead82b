"""An honest model for runs through the command line: answers made of the facts of the run at hand."""

from __future__ import annotations

import json
from pathlib import Path

import narration

from perftracker_ai.narrate.facts import read_facts

COMMENTARY = (
    "What matters most is [C1:endpoint], which is [C1:slowdown] over [C1:affected loads]. "
    "Everything else is smaller, though [run:issues] were found in [run:curves]."
)
REMARK = "Compare [T:endpoint] at [T:load] in both versions, and look where the time goes."


def sheet_of(folder):
    """Read the facts a run wrote."""
    return read_facts((Path(folder) / "facts.json").read_bytes(), "facts.json")


def texts(sheet):
    """Give a text for everything that is asked for."""
    remarks = {f"{topic}.remark": REMARK.replace("[T:", f"[{topic}:") for topic in sheet.narrated}
    return {"commentary": COMMENTARY, **remarks}


def honest(sheet, **changed):
    """Write an answer; keywords with a double underscore for the dot replace single texts."""
    return json.dumps(narration.document(sheet, texts(sheet) | {k.replace("__", "."): v for k, v in changed.items()}))
