"""What a model may choose of what the program has computed: in goes its choice, out come the program's own sentences.

A model sees what goes together, and cannot be believed; the program can verify, and does not see. So a model picks from
enumerations, and the program says what it picked where the facts bear it out. What they do not bear out is dropped and
counted. No sentence made here can be false, whatever is picked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.model import Piece
from perftracker_ai.model.narration import Choice, Chosen
from perftracker_ai.narrate.places import placed
from perftracker_ai.narrate.values import CATALOGUE, RUN, Label, Why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from perftracker_ai.narrate.values import Fact, FactSheet, Topic

    Schema = dict[str, object]

TOGETHER, EXPERIMENTS, FIRST, ORDER, TAKE_AWAY = (
    "a_together",
    "b_experiments",
    "c_check_first",
    "d_order",
    "e_take_away",
)
PROPERTIES = (TOGETHER, EXPERIMENTS, FIRST, ORDER, TAKE_AWAY)
GROUPS, SHARED, TAKEN = 4, 3, 5
"""Groups of issues, experiments and facts that a model may choose: more than that is no choice."""
_LIMITS = {TOGETHER: GROUPS, EXPERIMENTS: SHARED, TAKE_AWAY: TAKEN}
GROUP = 6
"""Issues of one group."""
FEW = 2
"""Issues that can be put together."""

_LEADS = {
    Label.SLOWDOWN: "",
    Label.VALUES: "",
    Label.ADDED: "longer by ",
    Label.CAPACITY: "times the capacity needed for the same traffic: ",
    Label.SHAPE: "shape of the change: ",
    Label.THREADS: "affects ",
    "since when": "slower ",
}
"""Of the facts of an issue that may be taken away, the words before them."""
_RUN_LEADS = {
    "issues": "Found: ",
    "newly failing": "",
    "lost coverage": "Lost: ",
    "regressed curves": "Curves: ",
    "improved curves": "Curves: ",
    "unchanged curves": "Curves: ",
    "pattern of": "Regressed curves of those measured: ",
    "history": "Earlier jobs: ",
    "creeping": "Creeping: ",
    "shift of the whole run": "The whole run: ",
    "reruns": "",
}
_SHARE: dict[Why, str] = {
    Why.PATH: "are under ",
    Why.ONSET: "begin at ",
    Why.THREADS: "show with ",
    Why.METRIC: "show in one kind of metric only, ",
    Why.TAIL: "end in ",
    Why.SHAPE: "have one shape, ",
    Why.CAUSE: "have the same best supported cause, ",
}
"""How it is said that issues share something; what it is comes behind."""


class Judged(NamedTuple):
    """What of a model's choices stands, and how many were dropped."""

    choices: tuple[Choice, ...]
    dropped: int


def judged(document: Mapping[str, object], sheet: FactSheet) -> Judged:
    """Verify the choices of an answer and word those that the facts bear out."""
    asked = forms(sheet)
    choices: list[Choice] = []
    dropped = 0
    for name, word in _WORDED.items():
        picked = _listed(document.get(name)) if name in asked else []
        told = [word(one, sheet) for one in picked[: _LIMITS.get(name, len(sheet.narrated))]]
        stand = list(dict.fromkeys(one for one in told if one is not None and one.pieces))
        choices += stand
        dropped += len(picked) - len(told) + sum(one is None for one in told)
    return Judged(tuple(choices), dropped)


def _listed(value: object) -> list[object]:
    """Return what was picked as a list; an order is picked as a whole, and a choice by issue as pairs."""
    if isinstance(value, dict):
        return [(key, picked) for key, picked in value.items() if picked != ""]
    if isinstance(value, list):
        return [value] if value and all(isinstance(one, str) and one[:1] == "C" for one in value) else value
    return [] if value is None else [value]


# ── the form ────────────────────────────────────────────────────────────────────────────────────────────────────────


def forms(sheet: FactSheet) -> dict[str, Schema]:
    """Return the forms of the choices there are, by property; only what can be borne out is offered."""
    issues, facts = _issues(sheet), [fact.id for fact in takeable(sheet)]
    causes, ties = _shared_causes(sheet), _ties(sheet)
    found: dict[str, Schema] = {}
    if len(issues) >= FEW:
        group = {"type": "array", "items": _enum(issues), "minItems": FEW, "maxItems": min(GROUP, len(issues))}
        found[TOGETHER] = _some(_record(issues=group, why=_enum([str(why) for why in Why])), GROUPS)
        if causes:
            found[EXPERIMENTS] = _some(_record(cause=_enum(list(causes)), issues=group), SHARED)
    if ties:
        found[FIRST] = _record(**{topic: _enum(["", *keys]) for topic, keys in ties.items()})
    if len(sheet.narrated) >= FEW:
        found[ORDER] = _some(_enum(list(sheet.narrated)), len(sheet.narrated))
    if facts:
        found[TAKE_AWAY] = _some(_enum(facts), TAKEN)
    return found


def _issues(sheet: FactSheet) -> list[str]:
    """Return the issues that may be put together: those remarked on, and the best improvement."""
    better = [topic.id for topic in sheet.topics if topic.severity is None][:1]
    return [*sheet.narrated, *better]


def _shared_causes(sheet: FactSheet) -> dict[str, list[str]]:
    """Return the causes proposed for several issues whose check the report states, each with its issues."""
    found: dict[str, list[str]] = {}
    for name in sheet.narrated:
        for cause in sheet.topic[name].causes:
            found.setdefault(cause.key, []).append(name)
    return {key: names for key, names in found.items() if len(names) >= FEW and _check(key, sheet)}


def _ties(sheet: FactSheet) -> dict[str, list[str]]:
    """Return the best supported causes of the issues that have several of one strength."""
    found = {}
    for name in sheet.narrated:
        causes = sheet.topic[name].causes
        best = [cause.key for cause in causes if cause.strength is causes[0].strength]
        named = [key for key in best if sheet.find(name, f"title {key}")]
        if len(named) >= FEW:
            found[name] = named
    return found


def takeable(sheet: FactSheet) -> Iterator[Fact]:
    """Yield the facts that a reader may be told to take away."""
    for fact in sheet.by_subject.get(RUN, []):
        if _run_lead(fact) is not None:
            yield fact
    for name in _issues(sheet):
        yield from (fact for fact in sheet.by_subject.get(name, []) if fact.label in _LEADS)


def _run_lead(fact: Fact) -> str | None:
    family = "pattern of" if fact.label.startswith("pattern of") else fact.label
    return _RUN_LEADS.get(family)


def _record(**members: Schema) -> Schema:
    ordered = dict(sorted(members.items()))
    return {"type": "object", "properties": ordered, "required": list(ordered), "additionalProperties": False}


def _some(item: Schema, most: int) -> Schema:
    return {"type": "array", "items": item, "minItems": 0, "maxItems": most}


def _enum(values: list[str]) -> Schema:
    return {"type": "string", "enum": values}


# ── what stands ─────────────────────────────────────────────────────────────────────────────────────────────────────
# Each takes one choice, of any form; None means that the facts do not bear it out, no pieces that nothing is added.


def _together(picked: object, sheet: FactSheet) -> Choice | None:
    topics, why = _group(picked, sheet), str(_member(picked, "why"))
    if len(topics) < FEW or why not in set(Why):
        return None
    shared = _common(topics, Why(why), sheet)
    if not shared:
        return None
    every = "both" if len(topics) == FEW else "all"
    return _choice(Chosen.TOGETHER, *_named(topics, sheet), f": {every} {_SHARE[Why(why)]}{shared}.")


def _common(topics: list[Topic], why: Why, sheet: FactSheet) -> str:
    """Return what issues share; empty when they do not."""
    if why is Why.PATH:
        return _prefix([topic.path.split("/") for topic in topics], sheet.depth)
    held = {topic.traits.get(why, "") for topic in topics}
    return held.pop() if len(held) == 1 else ""


def _prefix(paths: list[list[str]], depth: int) -> str:
    """Return the leading parts that paths share, where these are more than all paths of the run share."""
    shared: list[str] = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared) if len(shared) > depth else ""


def _experiment(picked: object, sheet: FactSheet) -> Choice | None:
    topics, key = _group(picked, sheet), str(_member(picked, "cause"))
    check = _check(key, sheet)
    if len(topics) < FEW or check is None or not all(_proposed(topic, key) for topic in topics):
        return None
    title = next((fact for topic in topics if (fact := sheet.find(topic.id, f"title {key}"))), None)
    behind: tuple[str | Fact, ...] = (", for which the same cause is proposed, ", title) if title else ()
    return _choice(Chosen.EXPERIMENT, "One check serves ", *_named(topics, sheet), *behind, ": ", check)


def _proposed(topic: Topic, key: str) -> bool:
    return any(cause.key == key for cause in topic.causes)


def _check(key: str, sheet: FactSheet) -> Fact | None:
    return sheet.find(CATALOGUE, f"confirm {key}")


def _first(picked: object, sheet: FactSheet) -> Choice | None:
    name, key = picked if isinstance(picked, tuple) else ("", "")
    if key not in _ties(sheet).get(str(name), []):
        return None
    title = sheet.find(name, f"title {key}")
    return _choice(Chosen.FIRST, "Of the equally supported causes of ", sheet.by_id[name], " check first: ", title, ".")


def _order(picked: object, sheet: FactSheet) -> Choice | None:
    """Word an order of issues of one priority; one that puts a lesser priority first is none."""
    names = list(dict.fromkeys(picked)) if isinstance(picked, list) else []
    if not set(names) <= set(sheet.narrated):
        return None
    ranks = [list(sheet.topic).index(name) for name in names]
    steps = [(sheet.topic[name].when, sheet.topic[name].severity) for name in names]
    ours = [steps[ranks.index(rank)] for rank in sorted(ranks)]
    if steps != ours:
        return None
    told: list[str | Fact | None] = []
    for step in dict.fromkeys(steps):
        group = [name for name, one in zip(names, steps, strict=True) if one == step]
        if group != sorted(group, key=list(sheet.topic).index):
            between = " Of" if told else "Of"
            severity = f" {step[1].value}" if step[1] else ""
            told += [f"{between} the{severity} issues ({step[0]}), take ", *_joined(_ids(group, sheet), ", then "), "."]
    return _choice(Chosen.ORDER, *told)


def _taken(picked: object, sheet: FactSheet) -> Choice | None:
    fact = sheet.by_id.get(picked) if isinstance(picked, str) else None
    if fact is None or fact not in takeable(sheet):
        return None
    if fact.subject == RUN:
        return _choice(Chosen.TAKE_AWAY, _run_lead(fact), fact)
    name = sheet.find(fact.subject, Label.NAME)
    lead = _LEADS[fact.label]
    return _choice(Chosen.TAKE_AWAY, sheet.by_id[fact.subject], " ", name, f": {lead}", *placed(fact, sheet))


_WORDED: dict[str, Callable[[object, FactSheet], Choice | None]] = {
    TOGETHER: _together,
    EXPERIMENTS: _experiment,
    FIRST: _first,
    ORDER: _order,
    TAKE_AWAY: _taken,
}


# ── forms of answers, and words ─────────────────────────────────────────────────────────────────────────────────────


def _member(picked: object, name: str) -> object:
    return picked.get(name) if isinstance(picked, dict) else None


def _group(picked: object, sheet: FactSheet) -> list[Topic]:
    """Return the issues of a group, each once and by rank; none when one of them is not to be put together."""
    named = _member(picked, "issues")
    names = {str(name) for name in named} if isinstance(named, list) else set()
    return [sheet.topic[name] for name in _issues(sheet) if name in names] if names <= set(_issues(sheet)) else []


def _named(topics: Iterable[Topic], sheet: FactSheet) -> Iterator[str | Fact]:
    return _joined(_ids([topic.id for topic in topics], sheet), ", ", " and ")


def _ids(names: Iterable[str], sheet: FactSheet) -> list[Fact]:
    return [sheet.by_id[name] for name in names]


def _joined(facts: list[Fact], between: str, last: str = "") -> Iterator[str | Fact]:
    for at, fact in enumerate(facts):
        if at:
            yield last if last and at == len(facts) - 1 else between
        yield fact


def _choice(kind: Chosen, *parts: str | Fact | Piece | None) -> Choice:
    """Return a sentence of words and facts; without any it adds nothing."""
    pieces = [
        part if isinstance(part, Piece) else Piece(text=part, fact="") if isinstance(part, str) else _piece(part)
        for part in parts
        if part
    ]
    return Choice(kind=kind, pieces=tuple(pieces))


def _piece(fact: Fact) -> Piece:
    return Piece(text=fact.text, fact=fact.id)
