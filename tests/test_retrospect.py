"""`retrospect`: a history is told in the same few words wherever it is told, with its doubts."""

from datetime import UTC, datetime, timedelta

import pytest
from analyses import SETTINGS, job, remembered, typical
from msgspec import structs

from perftracker_ai.model import Direction
from perftracker_ai.model.history import Bimodal, ChangePoint, Drift, JobRef, NoiseChange, Onset, Patterns
from perftracker_ai.report import history

BASELINE, CANDIDATE = job(85817, "1.64-4996", 1), job(86303, "1.65-5060", 24)


def place(job_id, version, day=1):
    return JobRef(job=job_id, version=version, end=datetime(2026, 6, day, 22, 0, tzinfo=UTC))


GOOD, BAD = place(86003, "1.65-5049", 2), place(86011, "1.65-5050", 3)
HERE = place(CANDIDATE.id, "1.65-5060", 24)


def onset(**changes):
    fields = {"cluster": "C1", "first": BAD, "last_good": GOOD, "earliest": BAD, "latest": BAD, "levels": ()}
    return Onset(**fields | changes)


def began(found, creep=None):
    return history.Beginning(found, creep, BASELINE, CANDIDATE)


def shift(**changes):
    fields = {
        "endpoint": "POST /orders",
        "curves": ("p95", "rate"),
        "slowdown": 0.305,
        "low": 0.295,
        "high": 0.316,
        "first": BAD,
        "last_good": GOOD,
        "earliest": BAD,
        "latest": BAD,
        "same_version": False,
        "recovered": None,
    }
    return ChangePoint(**fields | changes)


def patterns(*shifts):
    return Patterns(curves=9, too_short=0, shifts=shifts, creeps=(), unrests=(), switchings=())


# ── since when a finding is there ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            onset(),
            (
                "since 1.65-5050 (job 86011, 2026-06-03), 3 weeks before the candidate; "
                "last good 1.65-5049 (job 86003, 2026-06-02)"
            ),
        ),
        (onset(first=HERE), "new with this job; last good 1.65-5049 (job 86003, 2026-06-02)"),
        (
            onset(first=HERE, last_good=place(85817, "1.64-4996")),
            "new with this job; last good 1.64-4996 (job 85817, 2026-06-01), the baseline",
        ),
        (
            onset(first=HERE, earliest=BAD, latest=HERE),
            "new with this job; last good 1.65-5049 (job 86003, 2026-06-02); began between jobs 86011 and 86303",
        ),
        (
            onset(last_good=place(86003, "1.65-5050", 2), earliest=place(86008, "1.65-5049", 2)),
            (
                "since 1.65-5050 (job 86011, 2026-06-03), 3 weeks before the candidate; "
                "last good 1.65-5050 (job 86003, 2026-06-02); began between jobs 86008 and 86011"
            ),
        ),
        (
            onset(last_good=place(86003, "1.65-5050", 2)),
            (
                "since 1.65-5050 (job 86011, 2026-06-03), 3 weeks before the candidate; "
                "last good 1.65-5050 (job 86003, 2026-06-02); both are version 1.65-5050: suspect the environment"
            ),
        ),
        (
            onset(first=place(86011, ""), last_good=place(86003, "")),
            "since ? (job 86011, 2026-06-01), 3 weeks before the candidate; last good ? (job 86003, 2026-06-01)",
        ),
    ],
    ids=["dated", "this job", "nothing in between", "in doubt", "one version or another", "one version", "no version"],
)
def test_an_onset_names_first_and_last_good_job_and_what_is_in_doubt(found, said):
    """Version, job and day of both, how long ago, and every reason to doubt it are one line."""
    assert history.since(began(found)) == said


def test_few_words_name_version_and_job():
    """Where there is little room, the version and the job are left, or that it is new."""
    assert history.since_short(began(onset())) == "since 1.65-5050, job 86011"
    assert history.since_short(began(onset(first=HERE))) == "new with this job"


def test_a_creep_puts_the_first_job_in_doubt():
    """Of an endpoint that creeps this is said beside the most likely job."""
    found = began(onset(), creep=0.365)
    assert history.since(found).endswith("; it creeps (+36.5 % since the oldest job), so there may be no first job")
    assert history.since_short(found) == "since 1.65-5050, job 86011, or creeping"


@pytest.mark.parametrize(
    ("shifts", "creep"),
    [
        ((), 0.2),
        ((shift(endpoint=SETTINGS, first=BAD),), None),
        ((shift(endpoint=SETTINGS, first=place(5, "1", 1)),), 0.2),
        ((shift(endpoint=SETTINGS, first=BAD, recovered=HERE),), 0.2),
        ((shift(endpoint="GET /other", first=BAD),), 0.2),
    ],
    ids=["creep alone", "step as well", "step before the baseline", "step taken back", "step elsewhere"],
)
def test_a_step_behind_the_baseline_leaves_no_doubt(shifts, creep):
    """An endpoint that creeps and took a step since the baseline began with that step."""
    made = remembered()
    baseline = structs.replace(made.baseline, end=GOOD.end)
    creeps = tuple(
        Drift(endpoint=SETTINGS, curves=("p",), slowdown=slowdown, low=0.1, high=0.3) for slowdown in (-0.5, 0.2)
    )
    told = structs.replace(made.chronicle, patterns=structs.replace(patterns(*shifts), creeps=creeps))
    found = history.beginning(structs.replace(made, baseline=baseline, chronicle=told), "C1")
    assert found.creep == creep


def test_without_an_onset_nothing_is_known():
    """No history, or one that does not know the issue, says nothing of its beginning."""
    assert history.beginning(typical(), "C1") is None
    assert history.beginning(remembered(), "C9") is None


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (-1, ""),
        (0, "on the same day as"),
        (1, "1 day before"),
        (13, "13 days before"),
        (14, "2 weeks before"),
        (60, "2 months before"),
        (59, "8 weeks before"),
        (365, "12 months before"),
    ],
)
def test_a_time_is_told_in_the_unit_that_suits_it(days, said):
    """Days below a fortnight, then weeks, then months; a clock that went backwards is not told."""
    first = datetime(2026, 1, 10, 3, tzinfo=UTC)
    assert history.elapsed(first, first + timedelta(days=days)) == said


def test_a_time_without_a_zone_is_told_as_well():
    """A damaged file whose moments lack a time zone costs no traceback."""
    assert history.elapsed(datetime(2026, 1, 1), datetime(2026, 1, 3, tzinfo=UTC)) == "2 days before"  # noqa: DTZ001 - the case


def test_what_comes_from_a_job_is_shown_as_the_reader_needs_it():
    """Every version in a sentence goes through the escaping of the place it is for, and nothing else does."""
    same = onset(last_good=place(86003, "1.65-5050", 2))
    for said in (
        history.since(began(same), lambda _: "<escaped>"),
        history.since_short(began(same), lambda _: "<escaped>"),
        history.when(shift(recovered=HERE), lambda _: "<escaped>"),
    ):
        assert "<escaped>" in said
        assert "1.65" not in said


# ── what happened over the jobs ─────────────────────────────────────────────────────────────────────────────────────


def test_every_shift_is_told_once_and_a_recovery_is_nothing_faster():
    """What is slower, what was slower for a time and what is faster are told apart."""
    back = shift(endpoint="PUT /cart", recovered=HERE)
    shifts = (shift(), back, shift(endpoint="PUT /cart", slowdown=-0.2, first=HERE), shift(slowdown=-0.4, first=HERE))
    found = history.sections(patterns(*shifts), "1.60")
    assert found["slower"].trends == [shifts[0]]
    assert found["recovered"].trends == [back]
    assert found["faster"].trends == [shifts[3]]


def test_creeping_names_its_reference():
    """A creep is told since a version; without one since the oldest job."""
    titles = [history.sections(patterns(), oldest)["creeping"].title for oldest in ("1.60", "")]
    assert titles == ["Creeping since 1.60", "Creeping since the oldest job"]


@pytest.mark.parametrize(
    ("trend", "size", "when"),
    [
        (
            shift(),
            "+30.5 % (+29.5 % to +31.6 %)",
            "since 1.65-5050 (job 86011, 2026-06-03); before it 1.65-5049 (job 86003, 2026-06-02)",
        ),
        (
            shift(recovered=HERE, same_version=True, earliest=GOOD),
            "+30.5 % (+29.5 % to +31.6 %)",
            (
                "since 1.65-5050 (job 86011, 2026-06-03); until 1.65-5060 (job 86303, 2026-06-24); began between jobs "
                "86003 and 86011; job 86003 is the same version: suspect the environment"
            ),
        ),
        (Drift(endpoint="e", curves=("p",), slowdown=0.2, low=0.1, high=0.3), "+20 % (+10 % to +30 %)", ""),
        (
            NoiseChange(endpoint="e", curves=("p",), ratio=2.14, first=BAD),
            "2.1 times",
            "since 1.65-5050 (job 86011, 2026-06-03)",
        ),
        (Bimodal(endpoint="e", curves=("p",), slowdown=0.4), "40 % apart", ""),
    ],
    ids=["shift", "recovered", "creep", "unrest", "switching"],
)
def test_every_trend_has_a_size_and_its_time(trend, size, when):
    """How much and since when are told of each kind, as far as it has them."""
    assert (history.size(trend), history.when(trend)) == (size, when)


def test_what_a_history_is_from_is_counted():
    """Jobs and versions agree with their nouns, and no job is no span."""
    assert history.span([GOOD, BAD, HERE]) == "3 jobs of 3 versions, 2026-06-02 to 2026-06-24"
    assert history.span([GOOD]) == "1 job of 1 version, 2026-06-02 to 2026-06-02"
    assert history.span([]) == ""


def test_an_interval_of_one_job_leaves_no_doubt():
    """Only where several jobs may have been the first are two of them named."""
    assert history.between(onset()) == ""
    assert history.between(structs.replace(onset(), latest=HERE)) == "began between jobs 86011 and 86303"


# ── what matters of it ──────────────────────────────────────────────────────────────────────────────────────────────


def told_of(creeps=(), shifts=()):
    """An analysis whose history has these patterns."""
    made = remembered()
    found = structs.replace(patterns(*shifts), creeps=creeps)
    return structs.replace(made, chronicle=structs.replace(made.chronicle, patterns=found, oldest=GOOD))


def creep(slowdown, endpoint="GET /search"):
    return Drift(endpoint=endpoint, curves=("p95",), slowdown=slowdown, low=slowdown - 0.02, high=slowdown + 0.02)


def test_what_matters_is_large_and_there_now_worst_first():
    """Creeps that would be listed and steps that would be regressions are told, if they are still there."""
    small, large = shift(slowdown=0.149), shift(slowdown=0.15)
    over, faster = shift(slowdown=0.9, recovered=HERE), shift(slowdown=-0.4)
    made = told_of((creep(0.365), creep(0.05), creep(0.049), creep(-0.3)), (small, large, over, faster))
    assert history.notable(made) == [creep(0.365), large, creep(0.05)]


def test_an_issue_of_the_comparison_is_not_told_as_history():
    """What came in behind the baseline at an endpoint that is an issue stands there, and not here."""
    made = told_of((), (shift(endpoint=SETTINGS, first=HERE),))
    assert history.notable(made) == []
    assert history.notable(told_of((), (shift(first=HERE),))) != []


@pytest.mark.parametrize(("change", "repaired"), [(-0.267, True), (-0.21, True), (-0.2, False), (0.3, False)])
def test_a_creep_that_this_comparison_takes_back_is_repaired(change, repaired):
    """An improvement of its endpoint by three quarters of it ends a creep, before enough jobs show that."""
    direction = Direction.BETTER if change < 0 else Direction.WORSE
    cluster = structs.replace(
        typical().clusters[0], endpoint="GET /search", median_slowdown=change, direction=direction
    )
    assert history.is_repaired(creep(0.365), [cluster]) is repaired
    assert not history.is_repaired(creep(0.365, "GET /other"), [cluster])
    made = structs.replace(told_of((creep(0.365),)), clusters=(cluster,))
    assert (history.notable(made) == []) is repaired


def test_without_a_history_nothing_matters():
    """Where no history is kept there is nothing to tell of it."""
    assert history.notable(typical()) == []
    assert not history.is_issue(typical(), shift(endpoint=SETTINGS, first=HERE))


def test_what_is_said_behind_the_name_of_an_endpoint():
    """A creep has a sum and a first day, a step its size and the job it came with."""
    past = told_of().chronicle
    assert history.news(creep(0.365), past) == "creeps: +36.5 % since 2026-06-02"
    assert history.news(shift(), past) == "is 30.5 % slower since 1.65-5050 (job 86011)"
    assert history.news(shift(first=place(7, "")), past) == "is 30.5 % slower since ? (job 7)"
    unknown = structs.replace(past, oldest=None)
    assert history.news(creep(0.365), unknown) == "creeps: +36.5 % since the oldest job"
