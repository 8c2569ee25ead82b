"""Sheets to narrate and answers to judge: what a run and a model would have handed over, without either."""

from __future__ import annotations

import json
import re

import analyses
from msgspec import structs

from perftracker_ai.model import Author, Hypothesis, Strength
from perftracker_ai.narrate.choices import forms
from perftracker_ai.narrate.compose import compose
from perftracker_ai.narrate.facts import build_facts
from perftracker_ai.narrate.sections import COMMENTARY, REMARKS
from perftracker_ai.report import build
from perftracker_ai.report.view import view

DATA_SIZE = Hypothesis(
    key="data_size",
    title="Work that depends on the data size: a missing index, another query plan, a query per row",
    strength=Strength.MODERATE,
    evidence_for=("Below 6000 policies the slowdown is +0 %, and +150 % in the affected range.",),
    evidence_against=("Reads of the same objects did not change.",),
    confirm=("Compare the query plans and the number of queries per request of both versions at the highest load.",),
    refute=("The number of queries and the rows they read are the same in both versions.",),
)
CONTENTION = Hypothesis(
    key="contention",
    title="Contention: a lock held longer, a smaller pool, a queue",
    strength=Strength.WEAK,
    evidence_for=("Latency and throughput are both affected, as when requests wait for each other.",),
    evidence_against=("It is much the same at every thread count (+120 % at 4, +150 % at 16).",),
    confirm=("Measure lock waits and pool usage at the highest thread count in both versions.",),
    refute=("A profile at the highest thread count shows more time on the processor, not more waiting.",),
)
MEMORY = Hypothesis(
    key="memory_limit",
    title="A memory or cache limit: a cache that no longer holds the data, swapping, garbage collection",
    strength=Strength.WEAK,
    evidence_for=("Below 4000 policies the slowdown is +0 %, then +62 % from 4000 policies: a threshold.",),
    evidence_against=("It ends again at 7000 policies, which a limit that is exceeded would not do.",),
    confirm=("Compare cache hit rates and memory use of both versions just below and above the first affected load.",),
    refute=("Hit rates and memory use do not change around the first affected load.",),
)


AUTHOR = Author(
    model="qwen2.5-coder:14b",
    digest="9ec8897f747e" + "0" * 52,
    window=8192,
    prompt_tokens=4512,
    answer_tokens=1040,
    seed=7,
)


def composed(sheet, verified):
    return compose(sheet, verified, AUTHOR)


def text_of(passage):
    return "".join(piece.text for piece in passage.pieces)


def texts(narrated):
    """Give the texts of a narration by part and cluster."""
    return {(passage.part.value, passage.cluster): text_of(passage) for passage in narrated.passages}


def facts_of(analysis):
    shown = view(analysis)
    return build_facts(shown, build(shown))


def busy_analysis():
    """A release to block: a critical cluster with two hypotheses, a severe one with one, an improvement."""
    made = analyses.typical()
    first, second, *rest = made.clusters
    first = structs.replace(first, hypotheses=(DATA_SIZE, CONTENTION))
    second = structs.replace(second, hypotheses=(MEMORY,))
    return structs.replace(made, clusters=(first, second, *rest))


def busy_sheet():
    return facts_of(busy_analysis())


def quiet_sheet():
    return facts_of(analyses.only_improvements())


def with_slots(text, sheet):
    """Replace ``[C1:slowdown]`` by the slot of that fact."""
    return re.sub(r"\[([^:\]]+):([^\]]+)\]", lambda match: f"{{{{{fact_id(sheet, match[1], match[2])}}}}}", text)


def fact_id(sheet, subject, label):
    """Find a fact: by label, ``label 2`` for the second of its label, or a hypothesis by its key."""
    if subject == "catalogue":
        key, _, kind = label.partition(" ")
        return next(fact.id for fact in sheet.facts if fact.label == f"{kind or 'title'} {key}")
    name, _, number = label.rpartition(" ")
    if not number.isdecimal():
        name, number = label, "1"
    found = [
        fact.id for fact in sheet.by_subject[subject] if fact.label == name or fact.label.startswith(f"{name} of ")
    ]
    return found[int(number) - 1]


def document(sheet, texts):
    """Put texts by section key into the form of an answer; what is not there is not remarked on."""
    texts = {key: with_slots(text, sheet) for key, text in texts.items()}
    return {
        **{name: nothing(form) for name, form in forms(sheet).items()},
        **({REMARKS: {topic: texts.get(f"{topic}.remark", "") for topic in sheet.narrated}} if sheet.narrated else {}),
        COMMENTARY: texts.get("commentary", ""),
    }


def nothing(form):
    """Choose nothing in a form."""
    if form["type"] == "object":
        return {name: nothing(inner) for name, inner in form["properties"].items()}
    return [] if form["type"] == "array" else ""


def answer(sheet, texts):
    return json.dumps(document(sheet, texts), ensure_ascii=False)


def crowded(curves=152, findings=134, endpoints=19):
    """A run with a finding on nearly every curve, in clusters by endpoint with hypotheses, as a bad release has."""
    sizes = (1.6, 0.8, 0.3, 0.07)
    plans = [
        analyses.regressed(f"PUT /api/v1/resources/{at % endpoints}/settings/of/some/length", sizes[at % endpoints % 4])
        if at < findings
        else analyses.improved(f"GET /api/v1/lists/{at % 5}")
        for at in range(curves)
    ]
    made = analyses.analysis(plans, analyses.decision(analyses.Verdict.BLOCK, "critical clusters"))
    known = (DATA_SIZE, CONTENTION, MEMORY)
    worse = [structs.replace(cluster, hypotheses=known) if cluster.severity else cluster for cluster in made.clusters]
    return structs.replace(made, clusters=tuple(worse), coverage=analyses.COVERAGE)
