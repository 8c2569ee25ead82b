"""An auditor of composed text that knows nothing of the verifier: what of a text is no fact's, and should be.

It takes the facts' texts out of what was printed, and looks for numerals, number words, paths, verdict words and
markup in what is left. Its lists are its own.
"""

from __future__ import annotations

import functools
import re
import unicodedata

NUMBERS = frozenset(
    re.findall(
        r"\S+",
        "zero two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty "
        "hundred thousand million"
        " half twice thrice double doubled doubles triple tripled quadrupled dozen dozens several "
        "majority percent tenfold"
        " twofold quarter",
    )
)
VERDICTS = frozenset(
    re.findall(
        r"\S+",
        "approve approved approves approval block blocks ship ships shipped shipping "
        "veto deploy deployed"
        " rollback reject rejected",
    )
)
FOREIGN = re.compile(r"/|\\|https?|www|\.[a-z]{2,}\b|[<>`*_\[\]{}|#@=~^$]|[\u200b-\u200f\u202a-\u202e\u2060-\u206f]")


@functools.lru_cache(maxsize=16)
def facts_pattern(texts):
    parts = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{parts})(?!\w)")


def foreign_parts(text, facts):
    """Return what is wrong with a composed text; facts is the set of all facts' texts."""
    left = facts_pattern(facts).sub(" ", text)
    wrong = [char for char in left if unicodedata.category(char)[0] in "NC"]
    words = set(re.findall(r"[a-z]+", unicodedata.normalize("NFKD", left).lower()))
    return wrong + sorted(words & (NUMBERS | VERDICTS)) + FOREIGN.findall(left)
