"""The verdict on a release, and the rules it follows from.

Values only.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """What the declared policy says of the release."""

    BLOCK = "BLOCK"
    INVESTIGATE = "INVESTIGATE"
    APPROVE_WITH_MONITORING = "APPROVE WITH MONITORING"
    APPROVE = "APPROVE"
    INSUFFICIENT_EVIDENCE = "INSUFFICIENT EVIDENCE"
    SAME_VERSION = "SAME VERSION"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the policy, whether it fired, and on what.

    Attributes
    ----------
    key : str
        Stable name, also the name of its setting where it has one.
    verdict : Verdict
        What it asks for when it fires.
    text : str
        The rule in words, thresholds included.
    because : str
        What made it fire, or what was seen instead.
    """

    key: str
    verdict: Verdict
    text: str
    fired: bool
    because: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict with every rule of the policy, fired or not, in order of precedence."""

    verdict: Verdict
    rules: tuple[Rule, ...]
