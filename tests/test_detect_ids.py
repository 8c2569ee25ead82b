"""`detect.ids`: a curve is called by its outcome and its rank."""

from analyses import analysis, decision, regressed
from msgspec import structs

from perftracker_ai.detect.ids import LETTERS, with_ids
from perftracker_ai.model import Outcome, Verdict


def test_curves_are_numbered_by_size_within_their_outcome():
    """The worst regression is R1 wherever its curve stands, and results stay in the order of the curves."""
    made = analysis(
        [regressed("GET /a", 0.3), regressed("GET /b", 2.0), regressed("GET /c", 0.6)], decision(Verdict.BLOCK)
    )
    assert [result.id for result in made.detection.results] == ["R3", "R1", "R2"]
    assert [result.curve for result in made.detection.results] == [0, 1, 2]


def test_every_outcome_has_a_letter_of_its_own():
    """No two curves of a comparison share an id, whatever became of them."""
    assert len(set(LETTERS.values())) == len(LETTERS) == len(Outcome)
    made = analysis([regressed()] * len(Outcome), decision(Verdict.BLOCK))
    results = made.detection.results
    each = [structs.replace(one, outcome=outcome) for one, outcome in zip(results, Outcome, strict=True)]
    assert len({result.id for result in with_ids(each, made.curves.curves)}) == len(Outcome)
