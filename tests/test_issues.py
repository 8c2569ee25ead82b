"""Issues from comparison to comparison: what opens, keeps, closes and reopens one, and what changes nothing."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from builders import NOON, curve_tests, info, job
from msgspec.structs import replace

from perftracker_ai.commands.issues import key_of_step
from perftracker_ai.curves import build_curves
from perftracker_ai.detect import detect
from perftracker_ai.diagnose import diagnose
from perftracker_ai.issues import Compared, follow, may_differ, open_issues
from perftracker_ai.issues.accepted import accepts
from perftracker_ai.model import Attribution, Timeline
from perftracker_ai.model.checks import AnotherMachine, LowerVersion, OneVersion
from perftracker_ai.model.history import ChangePoint, Chronicle, JobRef, Patterns
from perftracker_ai.model.issues import IssueStatus, Tracked
from perftracker_ai.settings import Accept, CurveSettings, DiscoverySettings, ProductSettings
from perftracker_ai.validity import assess

OWN = ProductSettings()
LOADS = range(1000, 13000, 1000)
ENDPOINTS = 8


def measured(factors, seed, shared=1.0, errors=0.0):
    """Eight endpoints at twelve loads with one per cent of noise; `factors` slow endpoints down by their number."""
    rng, made = np.random.default_rng(seed), []
    for number in range(ENDPOINTS):
        cost = 0.01 * (1 + number / 4) * factors.get(number, 1.0) * shared
        points = {load: [cost * (1 + load / 9000) * math.exp(rng.normal(0, 0.01))] for load in LOADS}
        made += curve_tests(f"latency, p(95) (4 th): GET /thing{number}", points)
    return made + curve_tests("errors: GET /thing0", {load: [errors] for load in LOADS}, metrics="errors")


class Line:
    """Jobs of versions 1.0, 1.1 … each compared with the one before, and what became of the issues."""

    def __init__(self, settings=OWN):
        self.settings, self.known, self.jobs = settings, {}, []

    def night(self, factors=(), version=None, against=-1, checks=(), **how):
        """Compare the next job, and give what is told of it by endpoint: the word, and the size in per cent."""
        number = len(self.jobs)
        header = replace(info(number + 1, version or f"1.{number}"), end=NOON + timedelta(days=number))
        self.jobs.append((header, job(*measured(dict(factors), number, **how))))
        if number == 0:
            return {}
        compared = self.compared(self.jobs[against - 1 if against < 0 else against], self.jobs[-1], checks)
        found = follow(compared, tuple(self.known.values()), None, self.settings, key_of_step)
        self.known |= {one.issue.key: one for one in found}
        self.last = found
        return {one.issue.endpoint: (one.issue.status.value, round(100 * one.issue.slowdown)) for one in found}

    def compared(self, baseline, candidate, checks=()):
        jobs = [replace(document, info=header) for header, document in (baseline, candidate)]
        curves, _, _ = build_curves(jobs, CurveSettings())
        detection = detect(curves, self.settings.detect, 1, None, assess(jobs, curves))
        return Compared(
            baseline=baseline[0],
            candidate=candidate[0],
            curves=curves,
            detection=detection,
            clusters=diagnose(curves, detection, "Shop"),
            checks=tuple(checks),
            timeline=None,
            past=None,
        )


@pytest.fixture
def line():
    return Line()


def near(told, endpoint, status, size, by=4):
    word, percent = told[endpoint]
    assert word == status
    assert percent == pytest.approx(size, abs=by)


# ── opened, kept, closed ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_regression_stays_open_until_it_is_repaired(line):
    """Found once, it is open while jobs are as slow, closed by the repair, silent then, and back when it returns."""
    assert line.night() == {}
    assert line.night() == {}
    near(line.night({2: 1.6}), "GET /thing2", "new", 60)
    for _ in range(3):
        told = line.night({2: 1.6})
        near(told, "GET /thing2", "open", 60)
        assert len(told) == 1
    near(line.night(), "GET /thing2", "closed", 0)
    assert line.night() == line.night() == {}
    near(line.night({2: 1.5}), "GET /thing2", "reopened", 50)
    near(line.night({2: 1.5}), "GET /thing2", "open", 50)
    assert len(line.known) == 1


def test_half_a_repair_closes_nothing(line):
    """What is partly repaired stays open at its size now; what becomes slower by another regression is worse."""
    line.night()
    line.night({2: 1.6})
    near(line.night({2: 1.3}), "GET /thing2", "open", 30)
    near(line.night({2: 1.9}), "GET /thing2", "worse", 90, by=6)
    near(line.night({2: 1.9}), "GET /thing2", "open", 90, by=6)
    near(line.night({2: 1.6}), "GET /thing2", "open", 60)


def test_what_creeps_on_is_news_once_it_is_large(line):
    """Steps that no comparison finds make an open issue worse once they sum up to the threshold, and then only once."""
    line.night()
    line.night({2: 1.5})
    words = [line.night({2: 1.5 * 1.03**step})["GET /thing2"][0] for step in range(1, 7)]
    assert words.count("worse") == 1
    assert words[0] == "open"


def test_only_what_is_worth_it_opens_an_issue(line):
    """A minor slowdown and an improvement leave no issue."""
    line.night()
    assert line.night({2: 1.09, 3: 0.6}) == {}


@pytest.mark.parametrize(
    "check",
    [
        OneVersion(jobs=(), curves=(), blocks=False, approves=False, version="1"),
        LowerVersion(jobs=(), curves=(), blocks=False, approves=False, baseline="2", candidate="1"),
    ],
)
def test_a_comparison_that_shows_no_version_opens_nothing(line, check):
    """Two runs of one version, or a lower version as the candidate, tell of known issues and open none."""
    line.night()
    assert line.night({2: 1.6}, checks=[check]) == {}


def test_errors_that_were_none_before_stay_open(line):
    """What counted nothing before is an issue like any other: open while it counts, closed when it is nothing again."""
    line.night()
    assert [word for word, _ in line.night(errors=250.0).values()] == ["new"]
    assert [word for word, _ in line.night(errors=250.0).values()] == ["open"]
    assert [word for word, _ in line.night(errors=0.0).values()] == ["closed"]


# ── what changes nothing ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_disturbed_run_closes_and_reopens_nothing(line):
    """A night that is slow, or fast, as a whole leaves the issues of single endpoints as they were."""
    line.night()
    line.night({2: 1.4})
    told = line.night({2: 1.4}, shared=0.7)
    assert told["GET /thing2"][0] == "open"
    assert line.night({2: 1.4})["GET /thing2"][0] == "open"
    assert line.night()["GET /thing2"][0] == "closed"
    assert "GET /thing2" not in line.night(shared=1.45)
    assert "GET /thing2" not in line.night()


@pytest.mark.parametrize(("whole", "word"), [(True, "closed"), (False, "open")])
def test_what_the_run_shares_is_taken_off_single_endpoints_only(line, whole, word):
    """Behind a run that was slow as a whole, an issue of the whole run is closed; one of an endpoint waits a night."""
    line.night()
    line.night({2: 1.4})
    line.known = {key: replace(one, issue=replace(one.issue, whole=whole)) for key, one in line.known.items()}
    line.night({2: 1.4}, shared=1.4)
    assert line.night()["GET /thing2"][0] == word


def test_a_hotfix_of_an_older_version_says_nothing_of_it(line):
    """A version below the one an issue came in with neither closes nor lists it; the next of its line has it still."""
    for version, slow in (("2.5", 1), ("2.6", 1.6)):
        line.night({2: slow}, version=version)
    assert line.night(version="2.5.1", against=0) == {}
    near(line.night({2: 1.6}, version="2.7", against=1), "GET /thing2", "open", 60)
    assert line.night(version="2.7.1", against=3)["GET /thing2"][0] == "closed"


def test_by_date_every_later_job_counts(line):
    """Where versions have no order by the settings, any later job may close an issue."""
    line.settings = ProductSettings(discovery=DiscoverySettings(version_order="date"))
    for version, slow in (("2.5", 1), ("2.6", 1.6)):
        line.night({2: slow}, version=version)
    assert line.night(version="2.5.1")["GET /thing2"][0] == "closed"


def test_a_changed_machine_begins_new_levels(line):
    """After a change of the machine an issue is as large as before, and is closed by a repair on the new one."""
    line.night()
    line.night({2: 1.6})
    changed = AnotherMachine(jobs=(), curves=(), blocks=False, approves=False, machine="f1", differing=())
    near(line.night({2: 1.6}, shared=0.6, checks=[changed]), "GET /thing2", "open", 60)
    near(line.night({2: 1.6}, shared=0.6), "GET /thing2", "open", 60)
    assert line.night(shared=0.6)["GET /thing2"][0] == "closed"


def test_a_job_that_did_not_measure_it_leaves_it_open(line):
    """Where the endpoint's tests are missing, an open issue stays as it was and is said not to be measured."""
    line.night()
    line.night({2: 1.6})
    header, document = line.jobs[-1]
    rest = [one for one in document.tests if not one.tag.endswith("thing2")]
    baseline = line.jobs[0]
    compared = line.compared(baseline, (replace(header, id=9, uuid="9"), replace(document, tests=tuple(rest))))
    (one,) = follow(compared, tuple(line.known.values()), None, OWN, key_of_step)
    assert (one.issue.status, one.issue.measured) == (IssueStatus.OPEN, False)
    closed = [replace(each, issue=replace(each.issue, status=IssueStatus.CLOSED)) for each in line.known.values()]
    assert follow(compared, closed, None, OWN, key_of_step) == ()


def test_the_same_issue_under_other_curves_is_one(line):
    """A finding that shares most curves with an open issue of its endpoint is that issue, whatever its key."""
    line.night()
    line.night({2: 1.6})
    (known,) = line.known.values()
    line.known = {"another-key": replace(known, issue=replace(known.issue, key="another-key"))}
    told = line.night({2: 2.4})
    near(told, "GET /thing2", "worse", 140, by=8)
    assert [one.issue.key for one in line.last] == ["another-key"]


# ── came in where nobody looked ─────────────────────────────────────────────────────────────────────────────────────


def place(number):
    return JobRef(job=number, version=f"1.{number - 1}", end=NOON + timedelta(days=number - 1))


def step(first, endpoint="GET /thing2", slowdown=0.6, **fields):
    values = {
        "curves": ("latency, p(95) (4 th): GET /thing2",),
        "low": 0.5,
        "high": 0.7,
        "last_good": place(first - 1),
        "earliest": place(first),
        "latest": place(first),
        "same_version": False,
        "recovered": None,
    }
    return ChangePoint(endpoint=endpoint, slowdown=slowdown, first=place(first), **values | fields)


def with_past(line, *shifts):
    """The comparison of a line's last two jobs with what its history tells, the timeline being its jobs."""
    compared = line.compared(line.jobs[-2], line.jobs[-1])
    jobs = [replace(document, info=header) for header, document in line.jobs]
    every = build_curves(jobs, CurveSettings())[0]
    patterns = Patterns(curves=9, too_short=0, shifts=shifts, creeps=(), unrests=(), switchings=())
    past = Chronicle(jobs=(), onsets=(), patterns=patterns, oldest=None)
    timeline = Timeline(jobs=tuple(header for header, _ in line.jobs), mean=every.mean)
    return replace(compared, past=past, timeline=timeline)


def test_a_lasting_step_of_the_history_is_open(line):
    """What the history finds to be slower still is an issue that nobody found when it came in, undecided."""
    for slow in (1, 1, 1, 1.6, 1.6, 1.6):
        line.night({2: slow})
    found = follow(with_past(line, step(4)), (), None, OWN, key_of_step)
    (one,) = found
    assert (one.issue.status, one.issue.attribution) == (IssueStatus.OPEN, Attribution.UNDECIDED.value)
    assert (one.issue.first.job, one.issue.last_good.job) == (4, 3)
    assert one.issue.slowdown == pytest.approx(0.6, abs=0.04)
    assert one.issue.key in line.known  # the same name as a comparison gives it
    assert (
        follow(with_past(line, step(4)), tuple(line.known.values()), None, OWN, key_of_step)[0].issue.key
        == one.issue.key
    )


@pytest.mark.parametrize(
    "fields", [{"recovered": place(5)}, {"same_version": True}, {"slowdown": 0.1}, {"endpoint": "GET /other"}]
)
def test_a_step_that_is_none_of_the_product_s_opens_nothing(line, fields):
    """What was taken back, changed within one version, is small or not measured is no open issue."""
    for slow in (1, 1, 1, 1.6, 1.6, 1.6):
        line.night({2: slow})
    assert follow(with_past(line, step(4, **fields)), (), None, OWN, key_of_step) == ()


def test_a_step_that_the_candidate_does_not_have_is_not_open(line):
    """Where the candidate is back on the old level, a step that has lasted until now opens nothing."""
    for slow in (1, 1, 1, 1.6, 1.6, 1):
        line.night({2: slow})
    assert follow(with_past(line, step(4)), (), None, OWN, key_of_step) == ()


@pytest.mark.parametrize(
    ("factors", "worth"),
    [({}, False), ({2: 1.6}, True), ({2: 1.15}, True), ({2: 0.5}, False)],
)
def test_an_older_job_is_compared_only_where_something_may_be_slower(line, factors, worth):
    """A second comparison is made where a curve without a finding is nearly as much slower as a regression is."""
    line.night()
    line.night(factors)
    line.night(factors)
    compared = line.compared(line.jobs[1], line.jobs[2])
    older = line.compared(line.jobs[0], line.jobs[2]).curves.mean[0]
    assert may_differ(older, compared.curves, compared.detection, OWN.detect.moderate) is worth


# ── what is told ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_good_job_is_the_approved_one_or_the_one_before_the_oldest_issue(line):
    """What was approved last stands beside the baseline; without that the last job before the oldest open issue."""
    line.night()
    line.night({2: 1.6})
    line.night({2: 1.6, 3: 1.8})
    issues = [one.issue for one in line.last]
    told = open_issues(issues, ())
    assert [one.endpoint for one in told.issues] == ["GET /thing2"]  # the new one is this comparison's own
    assert (told.last_good.job.job, told.last_good.approved) == (1, False)
    hotfix = replace(place(9), version="1.0.1")
    assert open_issues(issues, (place(1), place(2))).last_good.job == place(1)  # the second one has the issue
    assert open_issues(issues, (place(1), hotfix, place(7))).last_good.job == hotfix
    assert open_issues([], (place(1), place(7))).last_good.job == place(7)
    assert open_issues([], ()).last_good is None


def test_the_same_version_measured_again_is_not_worse(line):
    """Found once more against a baseline that has it not, an open issue is open; on top of it, worse."""
    line.night()
    line.night({2: 1.6})
    assert line.night({2: 1.6}, version="1.1", against=0)["GET /thing2"][0] == "open"
    assert line.night({2: 2.4}, against=2)["GET /thing2"][0] == "worse"


def entry(**fields):
    return Accept(product="Shop", reason="known", until=date(2026, 12, 31), **fields)


@pytest.mark.parametrize(
    ("fields", "today", "held"),
    [
        ({"endpoint": "GET /thing2"}, date(2026, 12, 31), True),
        ({"endpoint": "GET /thing2"}, date(2027, 1, 1), False),
        ({"endpoint": "GET /thing*", "slowdown": 0.6}, None, True),
        ({"endpoint": "GET /thing2", "slowdown": 0.3}, None, False),
        ({"endpoint": "GET /thing3"}, None, False),
        ({"tag": "latency*thing2", "metric": "latency", "loads": (1000, 20000)}, None, True),
        ({"endpoint": "GET /thing2", "loads": (50000, 60000)}, None, False),
    ],
)
def test_the_settings_accept_an_open_issue_as_they_do_a_finding(line, fields, today, held):
    """An entry covers an open issue by its names, its loads, its size now and its date."""
    line.night()
    line.night({2: 1.6})
    line.night({2: 1.6})
    (one,) = line.last
    assert isinstance(one, Tracked)
    curves = line.compared(line.jobs[-2], line.jobs[-1]).curves
    given = entry(**fields)
    assert accepts([given], curves, one.issue, one.reference, 0.15, today) == (given.until if held else None)
