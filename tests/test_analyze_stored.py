"""Jobs judged from a store beside the same jobs judged from their documents."""

from contextlib import closing

import pytest
from msgspec.structs import replace
from test_replay import measured

from perftracker_ai.commands.analyze import judge, judge_read, read_stored
from perftracker_ai.curves import build_curves
from perftracker_ai.errors import NothingComparable, UsageError
from perftracker_ai.settings import CurveSettings, ProductSettings
from perftracker_ai.store import Scope, open_store

SCOPE = Scope(origin="o", product="Shop")


@pytest.fixture
def stored(tmp_path):
    """The nights 8 to 13 of the replayed product, of which the third brings a regression."""
    jobs = [measured(night) for night in range(8, 14)]
    with closing(open_store(str(tmp_path / "store"))) as store:
        for job in jobs:
            store.put("o", job.info, build_curves([job], CurveSettings())[0], "r")
        yield jobs, store.series(SCOPE)


def test_jobs_of_a_store_are_judged_as_their_documents_are(stored):
    """A verdict, the outcome of every curve and the keys of all issues do not depend on where jobs come from."""
    jobs, past = stored
    chosen = [jobs[1], jobs[4], jobs[0], jobs[5]]
    read = read_stored(past, [job.info.uuid for job in chosen], 1)
    ours = judge_read(read, ProductSettings(), seed=1).analysis
    theirs = judge(chosen, ProductSettings(), seed=1, candidate_reruns=1).analysis
    assert ours.decision == theirs.decision
    assert ours.decision.verdict.value != "APPROVE"
    assert ours.detection == theirs.detection
    assert ours.clusters == theirs.clusters
    assert (ours.reruns, ours.candidate_reruns) == (theirs.reruns, theirs.candidate_reruns)


def test_a_stored_job_is_no_further_run_of_itself(stored):
    """A job that stands on both sides is refused, from a store as from files."""
    jobs, past = stored
    with pytest.raises(UsageError, match="given twice"):
        judge_read(read_stored(past, [jobs[0].info.uuid] * 2), ProductSettings(), seed=1)


def test_stored_jobs_without_a_curve_are_nothing_to_compare(stored):
    """Two jobs that hold no test are refused in a sentence."""
    jobs, past = stored
    read = read_stored(past, [job.info.uuid for job in jobs[:2]])
    empty = read._replace(curves=replace(read.curves, curves=()))
    with pytest.raises(NothingComparable, match="Neither job 109 nor job 110"):
        judge_read(empty, ProductSettings(), seed=1)
