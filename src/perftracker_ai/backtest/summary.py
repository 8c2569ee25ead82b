"""The figures of a backtest: verdicts, false alarms, what issues came to, and what was found of changes put in.

In: the nights as they were judged. Out: one `Summary` for each set of criteria.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from perftracker_ai.backtest.rates import rate
from perftracker_ai.backtest.values import ALARMING, Fate, Found, PairKind, Summary
from perftracker_ai.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perftracker_ai.backtest.values import Followed, Judged, Night, Variant

_TOGETHER = 4.0
"""Curves that alarm together at least: those of one endpoint, which are measured by the same requests."""


def summaries(
    nights: Sequence[Night], variants: Sequence[Variant], followed: Sequence[Sequence[Followed]]
) -> tuple[Summary, ...]:
    """Return the figures of each set of criteria.

    Parameters
    ----------
    followed : sequence of sequence of Followed
        The issues of each set.
    """
    due = variants[0].detect.moderate
    return tuple(
        _summary(nights, variant, place, issues, due)
        for place, (variant, issues) in enumerate(zip(variants, followed, strict=True))
    )


def _summary(
    nights: Sequence[Night], variant: Variant, place: int, issues: Sequence[Followed], least: float
) -> Summary:
    """Return the figures of one set; changes put in are due as regressions from the size ``least`` on."""
    said = {kind: [one.judged[place] for one in nights if one.kind is kind and one.judged] for kind in PairKind}
    again = said[PairKind.SAME_VERSION]
    curves, found = [one.curves for one in again], _together(again)
    due = [[one for one in each.found if one.factor - 1 >= least] for each in again]
    return Summary(
        variant=variant,
        verdicts=_verdicts(said[PairKind.CONSECUTIVE]),
        same_version=_verdicts(again),
        alarms=rate([one.code + one.undecided for one in again], curves, _TOGETHER),
        by_code=rate([one.code for one in again], curves, _TOGETHER),
        alarmed=rate([one.verdict in ALARMING for one in again], [1] * len(again)),
        fates={fate.value: sum(one.fate is fate for one in issues) for fate in Fate},
        found=found,
        listed=rate(
            [_sum(each.found, "listed") for each in again], [_sum(each.found, "curves") for each in again], _TOGETHER
        ),
        regressed=rate([_sum(each, "regressed") for each in due], [_sum(each, "curves") for each in due], _TOGETHER),
    )


def _verdicts(judged: Sequence[Judged]) -> dict[str, int]:
    """Count verdicts, in the order of the policy; those that nothing had are left out."""
    counted = Counter(one.verdict for one in judged)
    return {verdict.value: counted[verdict.value] for verdict in Verdict if counted[verdict.value]}


def _sum(found: Iterable[Found], name: str) -> int:
    return sum(getattr(one, name) for one in found)


def _together(judged: Sequence[Judged]) -> tuple[Found, ...]:
    """Add up what was found over all pairs, by shape and factor."""
    cells: dict[tuple[str, float], list[Found]] = {}
    for one in judged:
        for each in one.found:
            cells.setdefault((each.shape, each.factor), []).append(each)
    return tuple(
        Found(
            shape=shape,
            factor=factor,
            curves=_sum(rows, "curves"),
            listed=_sum(rows, "listed"),
            regressed=_sum(rows, "regressed"),
        )
        for (shape, factor), rows in sorted(cells.items())
    )
