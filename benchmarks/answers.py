"""Whatever is answered, the report loses nothing: `python benchmarks/answers.py [COUNT] [SEED]`, 10,000 by default.

Answers of honest, false and hostile sentences, words and slots at random, and of choices at random, each put into a
report. Counted: reports that lack a sentence of the report without a model or have it elsewhere, sentences in the
report's own voice with a number that is no fact, and numbers, names or markup of a model's own in its commentary.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import narration
from narration_check import foreign_parts
from test_narrate_compose import generated, sources, texts_of, told_sentences

from perftracker_ai.narrate.verify import verify


def main(count=10_000, seed=1):
    rng, made = random.Random(int(seed)), narration.busy_analysis()
    sheet = narration.facts_of(made)
    drawn, alone, facts = sources(sheet), told_sentences(made), texts_of(sheet)
    numbers = set(re.findall(r"\d(?:[\d.,]*\d)?", " ".join((*facts, *alone, narration.AUTHOR.model))))
    found = Counter()
    for _ in range(int(count)):
        told = narration.composed(sheet, verify(generated(rng, drawn, sheet), sheet))
        said = told_sentences(made, told)
        rest = iter(said)
        found["answers"] += 1
        found["something of the model stands"] += told.stands
        found["choices that stand"] += len(told.choices)
        found["choices dropped"] += told.dropped
        found["texts that stand"] += len(told.passages)
        found["sentences refused"] += told.refused
        found["reports that lost a sentence or its order"] += not all(one in rest for one in alone)
        own = re.findall(r"\d(?:[\d.,]*\d)?", " ".join(set(said) - set(alone)))
        found["numbers that are no fact, in the report's voice"] += len(set(own) - numbers)
        found["foreign parts in the commentary"] += sum(
            len(foreign_parts(text, facts)) for text in narration.texts(told).values()
        )
    for name, number in found.items():
        print(f"{number:8,}  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
