"""Narration without lies: in goes an `Analysis`, out come facts, a prompt, and a report's words made of those facts.

Pure: nothing here asks a model. `build_facts` states what may be said, `build_prompt` and `answer_schema` ask for
words, `verify` judges them, `repair_prompt` asks once more for what was refused, `compose` fills every slot and puts
the program's own words where no acceptable ones are.
"""

from perftracker_ai.narrate.compose import Narration, Source, Told, compose, fill, pieces
from perftracker_ai.narrate.facts import build_facts, facts_json, read_facts
from perftracker_ai.narrate.prompt import (
    PROMPT_VERSION,
    build_prompt,
    estimated_tokens,
    refused_sections,
    repair_prompt,
)
from perftracker_ai.narrate.prose import Kind, Violation
from perftracker_ai.narrate.schema import answer_schema, answer_tokens
from perftracker_ai.narrate.sections import Part, Section
from perftracker_ai.narrate.values import Fact, FactKind, FactSheet, Label, Topic
from perftracker_ai.narrate.verify import Verified, merge, verify

__all__ = [
    "PROMPT_VERSION",
    "Fact",
    "FactKind",
    "FactSheet",
    "Kind",
    "Label",
    "Narration",
    "Part",
    "Section",
    "Source",
    "Told",
    "Topic",
    "Verified",
    "Violation",
    "answer_schema",
    "answer_tokens",
    "build_facts",
    "build_prompt",
    "compose",
    "estimated_tokens",
    "facts_json",
    "fill",
    "merge",
    "pieces",
    "read_facts",
    "refused_sections",
    "repair_prompt",
    "verify",
]
