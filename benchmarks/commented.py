"""What two kinds of model would add to a report: `python benchmarks/commented.py result_v2.json ANSWERS.json`.

The file holds answers by name, in the form a model gives them, with ``[C1:slowdown]`` in the place of slots, in choices
too. Printed is, for each, what it chose that the program then says in its own words, the commentary as it stands, and
what was refused and why.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from perftracker_ai.model import Author
from perftracker_ai.narrate.compose import compose
from perftracker_ai.narrate.facts import build_facts
from perftracker_ai.narrate.verify import verify
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.read import read_result

_MARK = re.compile(r"\[([A-Za-z0-9]+):([^\]\"]+)\]")


def main(result, answers):
    shown = view(read_result(Path(result).read_bytes(), result))
    sheet = build_facts(shown, build(shown))
    for name, answer in json.loads(Path(answers).read_text(encoding="utf-8")).items():
        verified = verify(slotted(json.dumps(answer), sheet), sheet)
        author = Author(model=name, digest="", window=None, prompt_tokens=None, answer_tokens=None, seed=0)
        told = compose(sheet, verified, author)
        print(f"== {name}: {len(told.choices)} choices stand, {told.dropped} dropped, {told.refused} sentences refused")
        for choice in told.choices:
            print(f"  {choice.kind}: {text(choice)}")
        for passage in told.passages:
            print(f"  {passage.part} {passage.cluster}: {text(passage)}")
        for fault in verified.violations:
            print(f"  refused in {fault.section}: {fault.kind.name} [{fault.excerpt}]")


def slotted(answer, sheet):
    """Put slots in the place of names in prose, and bare ids in that of whole texts."""

    def slot(found):
        fact = sheet.find(found[1], found[2])
        assert fact, f"there is no {found[0]}"
        whole = answer[found.start() - 1] == '"' == answer[found.end()]
        return fact.id if whole else f"{{{{{fact.id}}}}}"

    return _MARK.sub(slot, answer)


def text(told):
    return "".join(piece.text for piece in told.pieces)


if __name__ == "__main__":
    main(*sys.argv[1:])
