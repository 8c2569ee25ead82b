"""The few words that decide: numbers in words, the two sides of a comparison, shipping, and words only English has.

For text in lower case. Numbers and sides are rules: what they find is wrong wherever it stands. The two lists for the
commentary (shipping, English) catch the plainest cases and claim no more; what they miss stands marked as a model's.
"""

from __future__ import annotations

import re


def words(listed: str) -> re.Pattern[str]:
    """Compile a pattern that finds any of the entries, which are separated by commas; ``*`` stands for inflections."""
    entries = (entry.strip() for entry in listed.split(","))
    parts = "|".join(re.escape(entry).replace(r"\*", "[a-z]*").replace(r"\ ", r"[\s-]+") for entry in entries)
    return re.compile(rf"(?<![a-z])(?:{parts})(?![a-z])")


NUMBER_WORDS = words(
    "zero, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, sixteen,"
    "seventeen, eighteen, nineteen, twent*, thirty, forty, fifty, sixty, seventy, eighty, ninety, hundred*,"
    "thousand*, million*, billion*, trillion*, zillion*, dozen*, half, halve*, halving, quarter*, a third, thirds,"
    "a fourth, fourths, fifths, tenth*, hundredth*, twice, thrice, double*, doubling, triple*, tripling, treble*,"
    "quadrupl*, quintupl*, tenfold, twofold, threefold, fourfold, fivefold, manifold, percent*, per cent,"
    "order of magnitude, orders of magnitude, millisecond*, microsecond*, seconds, a second longer, a second more,"
    "another second, several, majority, minute, minutes, hours, several times, many times, times as, times slower,"
    "times faster, times more, times higher, times longer, one in, one of every, one out of"
)
"""Amounts; "one" alone is none, for a profile with one thread is what engineers ask for."""

SHIPPING = words(
    "ship, ships, shipped, shipping, shippable, release it, release this, release the, release now, release anyway,"
    "released, releasing, releasable, approv*, veto*, sign off, signed off, go live, goes live, going live, no go,"
    "green light*, greenlight*, good to go, go ahead, good enough, roll out, rolled out, rolling out, rollout*,"
    "roll back, rolled back, rolling back, rollback*, deploy*, safe to, is safe, are safe, be safe, unsafe, ready for,"
    "production ready, insufficient evidence, block, blocks, accept the, accept this, accept it, be accepted,"
    "can accept, is acceptable, reject*, postpone*, waive*, publish*, launch*, into production, to production,"
    "install this, should install, hold back, hold it back, can have this, fit for, nothing to worry, can be ignored,"
    "ignore this, ignore it"
)
"""Words by which a decision is told; deciding is the policy's. A short list, and nothing is claimed beyond it."""

ENGLISH = words(
    "the, of, and, to, is, are, be, for, with, at, from, by, it, its, this, that, these, which, would, could, should,"
    "when, than, between, has, have, been, not, but, where, while, over, both, below, above, only, because, they, as,"
    "if, until, may, might"
)
"""A sentence without any of these is no English sentence."""

# ── the two sides ───────────────────────────────────────────────────────────────────────────────────────────────────

OLD_SLOT, NEW_SLOT, CHANGE_SLOT = "\x01", "\x02", "\x03"
"""Stand for slots of the baseline's version, of the candidate's, and of a change or a value of the comparison."""
_VERSIONS = r"(?:version|build|release|one|code)"
_OLD = rf"(?:baseline(?:'s|’s)?|(?:old|older|previous|prior|earlier|former) {_VERSIONS}|predecessor|{OLD_SLOT})"
_NEW = rf"(?:candidate(?:'s|’s)?|(?:new|newer|current|present) {_VERSIONS}|successor|{NEW_SLOT})"
OLD = re.compile(
    rf"\b{_OLD}|{OLD_SLOT}|\b(?:before (?:this|the) (?:change|update|upgrade)|up to now|until now|so far|previously"
    r"|formerly|used to be|beforehand)\b"
)
NEW = re.compile(rf"\b{_NEW}|{NEW_SLOT}|\bboth\b")
COMPARED = re.compile(
    r"\b(?:than|compar\w+ (?:with|to)|against|versus|vs\.?|relative to|instead of|unlike|from|between)\s+"
    rf"(?:(?:in|on|with|for|by|under)\s+)?(?:the\s+)?(?:{_OLD}|{_NEW})"
)
"""Names a side only as what something else is held against."""
CONTRASTS = re.compile(r"[;:]|,?\s\b(?:but|while|whereas|although|though|however|yet)\b")

# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────

CAPITALS = frozenset({"I", "API", "APIs", "SQL", "CPU", "HTTP", "I/O", "ID", "IDs", "URL", "JSON", "DB", "GC"})
"""Common nouns that are written in capitals; whatever else is may be a name nobody measured."""
