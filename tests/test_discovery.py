"""The pair to compare is the newest one that is comparable, and every other job has its reason."""

import itertools
from datetime import date, timedelta

import pytest
from builders import info
from hypothesis import given
from hypothesis import strategies as st

from perftracker_ai.discovery import choose, classified, pair_notices, versioned
from perftracker_ai.errors import NotFound
from perftracker_ai.model import (
    CandidateOlder,
    DeletedJob,
    Exclusion,
    NewerJob,
    NewerVersion,
    OtherHardware,
    OtherProduct,
    OtherSuite,
    SameJob,
    SameVersion,
)
from perftracker_ai.model.versions import order
from perftracker_ai.settings import DiscoverySettings

USUAL = DiscoverySettings()
CLASS = "make hosts whose names change one machine by a pattern in the table [hardware], or give two job ids."


def newest_first(jobs):
    return sorted(jobs, key=lambda job: (job.end, job.id), reverse=True)


def pick(*jobs, product="Shop", broken=None, **settings):
    return choose(newest_first(jobs), product, DiscoverySettings(**settings), broken)


def ids(selection):
    """Give a selection's pair as (baseline, candidate, reruns...)."""
    pair = selection.pair
    return (pair.baseline.id, pair.candidate.id, *(job.id for job in pair.reruns))


def left_out(selection):
    """Give each job without a role its reason."""
    return {seen.job.id: seen.exclusion for seen in selection.considered if not seen.role}


# ── the pair ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_job_meets_the_newest_earlier_one_of_another_version():
    """Candidate is the newest job, baseline the newest of another version, reruns are further jobs of either."""
    selection = pick(
        info(5, "2.0"), info(4, "2.0", days_ago=1), info(3, "1.9", days_ago=2), info(2, "1.9", days_ago=3),
        info(1, "1.8", days_ago=4),
    )  # fmt: skip
    assert ids(selection) == (3, 5, 2)
    assert [seen.role for seen in selection.considered] == ["candidate", "rerun", "baseline", "rerun", ""]
    assert [job.id for job in selection.pair.candidate_reruns] == [4]
    assert left_out(selection) == {1: Exclusion.NOT_NEEDED}
    assert selection.problem == ""
    assert (selection.product, selection.found, selection.without_local) == ("Shop", 5, 5)


def test_ties_in_end_are_decided_by_id():
    """Of two groups whose candidates ended at once, the one with the higher id is taken."""
    selection = pick(
        info(10, hosts=("a",)), info(11, hosts=("b",)),
        info(2, "1.0", days_ago=1, hosts=("a",)), info(1, "1.0", days_ago=1, hosts=("b",)),
    )  # fmt: skip
    assert ids(selection) == (1, 11)


def test_ties_in_end_are_decided_by_id_whatever_order_they_come_in():
    """A source that lists the lower id first changes nothing."""
    jobs = [
        info(10, hosts=("a",)),
        info(11, hosts=("b",)),
        *(info(i, "1.0", days_ago=1, hosts=(h,)) for i, h in [(2, "a"), (1, "b")]),
    ]
    assert ids(choose(jobs, "Shop", USUAL)) == (1, 11)


def test_the_group_with_the_newest_candidate_is_taken_though_another_completes_first():
    """A group whose candidate is newer wins even when its baseline lies further back."""
    selection = pick(
        info(9, hosts=("a",)), info(8, hosts=("b",), days_ago=1), info(7, "1.0", hosts=("b",), days_ago=2),
        info(6, "1.0", hosts=("a",), days_ago=30),
    )  # fmt: skip
    assert ids(selection) == (6, 9)
    assert left_out(selection) == {8: Exclusion.OTHER_HARDWARE, 7: Exclusion.OTHER_HARDWARE}


def test_a_newest_job_without_partner_leaves_its_group_to_another():
    """A group with nothing to compare its newest job with does not stop the others."""
    selection = pick(info(9, hosts=("a",)), info(8, hosts=("b",), days_ago=1), info(7, "1.0", hosts=("b",), days_ago=2))
    assert ids(selection) == (7, 8)
    assert left_out(selection) == {9: Exclusion.OTHER_HARDWARE}


def test_a_set_of_hosts_is_one_hardware_in_any_order():
    """The order in which hosts are stored, or one listed twice, does not make other hardware."""
    selection = pick(info(2, hosts=("b", "a")), info(1, "1.0", days_ago=1, hosts=("a", "b", "a")))
    assert ids(selection) == (1, 2)
    assert selection.per_hardware == (("a+b", 2),)


def test_jobs_of_another_suite_are_not_compared():
    """Two suites of one product on one machine are two groups."""
    selection = pick(
        info(3, suite_name="API"), info(2, "1.0", days_ago=1, suite_name="UI"),
        info(1, "0.9", days_ago=2, suite_name="API"),
    )  # fmt: skip
    assert ids(selection) == (1, 3)
    assert left_out(selection) == {2: Exclusion.OTHER_SUITE}
    assert selection.per_hardware == (("bg-f1.example", 3),)


def test_products_are_told_by_name_and_not_by_title():
    """A title that names the product makes no job of it, and jobs of it with other titles are found."""
    selection = pick(
        info(4, "9.0", product_name="Mart", title="Shop API"), info(3, title="Mart nightly"),
        info(2, "8.0", days_ago=1, product_name="Shop 2", title="Shop"), info(1, "1.0", days_ago=2, title=""),
    )  # fmt: skip
    assert ids(selection) == (1, 3)
    assert selection.found == 2


def test_a_product_name_differs_by_its_case():
    """Jobs of `shop` are not jobs of `Shop`."""
    selection = pick(info(3, "3.0", product_name="shop"), info(2), info(1, "1.0", days_ago=1))
    assert ids(selection) == (1, 2)


# ── reruns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def baseline_history(days):
    return [info(100 - day, "1.0", days_ago=day) for day in days]


def test_at_most_five_reruns_are_taken_newest_first():
    """Of many runs of the baseline's version the five before the baseline teach the noise."""
    selection = pick(info(200), *baseline_history(range(1, 9)))
    assert ids(selection) == (99, 200, 98, 97, 96, 95, 94)


def test_reruns_are_limited_in_a_group_that_is_read_beyond_them():
    """While a newer group is searched for its baseline, another one does not collect more reruns than asked for."""
    jobs = (info(300, days_ago=-1, hosts=("new",)), info(200), *baseline_history(range(1, 9)))
    assert ids(pick(*jobs)) == (99, 200, 98, 97, 96, 95, 94)


def test_a_rerun_is_at_most_ninety_days_older_than_the_baseline():
    """The limit counts from the baseline's end, the day itself included."""
    selection = pick(info(200), *baseline_history([1, 91, 92]))
    assert ids(selection) == (99, 200, 9)
    assert left_out(selection) == {8: Exclusion.NOT_NEEDED}


def test_reruns_are_of_the_baselines_version_hardware_and_suite():
    """No job of another version, machine or suite teaches the noise."""
    others = (
        info(90, "0.9", days_ago=2), info(91, "1.0", days_ago=3, hosts=("x",)),
        info(92, "1.0", days_ago=4, suite_name="UI"), info(93, "2.0", days_ago=5),
    )  # fmt: skip
    selection = pick(info(200), *baseline_history([1, 6]), *others)
    assert ids(selection) == (99, 200, 94)
    assert [job.id for job in selection.pair.candidate_reruns] == [93]
    assert {90, 91, 92} <= set(left_out(selection))


def test_reruns_can_be_switched_off_and_limited():
    """The number of reruns is the settings' to say."""
    jobs = (info(200), *baseline_history(range(1, 5)))
    assert ids(pick(*jobs, reruns=0)) == (99, 200)
    assert ids(pick(*jobs, reruns=2)) == (99, 200, 98, 97)


def test_any_number_of_days_may_be_asked_for():
    """A number of days that no calendar holds is no error."""
    assert ids(pick(info(200), *baseline_history([1, 300]), rerun_days=10**12)) == (99, 200, -200)


# ── by version ──────────────────────────────────────────────────────────────────────────────────────────────────────


def versions(selection):
    return selection.pair.baseline.version, selection.pair.candidate.version


def test_the_baseline_is_the_highest_version_below_whatever_ran_in_between():
    """A hotfix of an older branch that ran last before the candidate is not what the candidate came from."""
    jobs = (info(1, "1.9.0", days_ago=9), info(2, "1.10.0", days_ago=5), info(3, "1.9.1", days_ago=2))
    assert versions(pick(*jobs, info(4, "1.11.0"))) == ("1.10.0", "1.11.0")
    assert versions(pick(*jobs)) == ("1.9.0", "1.9.1")
    assert versions(pick(*jobs, info(4, "1.11.0"), version_order="date")) == ("1.9.1", "1.11.0")


def test_an_old_version_measured_again_is_a_rerun_and_no_candidate():
    """A version is as old as its first job, so that measuring it again judges nothing anew."""
    jobs = [info(number, f"3.{number}", days_ago=30 - number) for number in range(1, 12)]
    selection = pick(*jobs, info(90, "3.10"))
    assert versions(selection) == ("3.10", "3.11")
    assert (selection.pair.baseline.id, [job.id for job in selection.pair.reruns]) == (90, [10])


def test_a_version_with_none_below_it_waits_for_one():
    """A job of an older line, whose own predecessor is not here, does not stand against a higher version in silence."""
    selection = pick(info(1, "2.0", days_ago=9), info(2, "2.1", days_ago=5), info(3, "1.4"))
    assert versions(selection) == ("2.0", "2.1")
    assert [(type(one), one.version) for one in selection.notices] == [(NewerVersion, "1.4")]


def test_a_pre_release_serves_only_its_own_release():
    """A release is compared with the one before it, not with another one's pre-release; its own pre-release will do."""
    jobs = (info(1, "1.9", days_ago=9), info(2, "2.0-rc1", days_ago=5))
    assert versions(pick(*jobs, info(3, "2.0"))) == ("2.0-rc1", "2.0")
    assert versions(pick(*jobs, info(3, "2.1"))) == ("1.9", "2.1")
    assert versions(pick(*jobs, info(3, "2.0-rc2"))) == ("2.0-rc1", "2.0-rc2")


def test_versions_without_an_order_go_by_date():
    """Branches and hashes are compared as they follow each other."""
    assert versions(pick(info(1, "master", days_ago=2), info(2, "feature", days_ago=1))) == ("master", "feature")


def test_spellings_of_a_version_are_one_version():
    """Blanks and a v make no pair."""
    assert pick(info(1, "3.1 ", days_ago=1), info(2, "v3.1")).pair is None


def test_a_newer_job_that_cannot_be_taken_is_named():
    """Who asks at the minute of the upload learns that the verdict is not on the newest version."""
    selection = pick(info(1, "1.0", days_ago=2), info(2, "1.1", days_ago=1), info(3, "1.2", tests_completed=0))
    assert versions(selection) == ("1.0", "1.1")
    assert [(type(one), one.job) for one in selection.notices] == [(NewerJob, 3)]
    other = pick(info(1, "1.0", days_ago=2), info(2, "1.1", days_ago=1), info(3, "1.2", suite_name="UI"))
    assert [(type(one), one.job) for one in other.notices] == [(NewerVersion, 3)]
    assert pick(info(1, "1.0", days_ago=2), info(2, "1.1", days_ago=1)).notices == ()


def test_hosts_of_a_pattern_are_one_machine():
    """Runners that get a new name at every run count as the class of machine the settings make them."""
    machines = (("runner-*", "runner"), ("*", "other"))
    jobs = [info(number, f"1.{number}", days_ago=9 - number, hosts=(f"runner-{number}",)) for number in (1, 2)]
    assert pick(*jobs).pair is None
    assert versions(pick(*(classified(job, machines) for job in jobs))) == ("1.1", "1.2")
    assert classified(info(1, hosts=("db-1", "runner-2", "runner-3")), machines).hosts == ("other", "runner")


# ── left out ────────────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = (info(20), info(10, "1.0", days_ago=5))


@pytest.mark.parametrize(
    ("fields", "exclusion", "detail"),
    [
        ({"deleted": True}, Exclusion.DELETED, ""),
        ({"hosts": ()}, Exclusion.NO_HOSTS, ""),
        ({"hosts": ("localhost",)}, Exclusion.LOCAL_RUN, "localhost"),
        ({"hosts": ("anna.local",)}, Exclusion.LOCAL_RUN, "anna.local"),
        ({"hosts": ("Local-Run.anna",)}, Exclusion.LOCAL_RUN, "Local-Run.anna"),
        ({"hosts": ("bg-f1.example", "anna.LOCAL")}, Exclusion.LOCAL_RUN, "anna.LOCAL"),
        ({"tests_completed": 0, "tests_total": 0}, Exclusion.UNFINISHED, "0 of 0 tests completed"),
        ({"tests_completed": 0}, Exclusion.UNFINISHED, "0 of 10 tests completed"),
        ({"product_ver": ""}, Exclusion.NO_VERSION, ""),
    ],
)
def test_a_job_that_cannot_be_compared_is_left_out_with_its_reason(fields, exclusion, detail):
    """Each fault of the newest job leaves it out, says why, and the pair is found among the rest."""
    selection = pick(info(30, "3.0", days_ago=-1, **fields), *GOOD)
    assert ids(selection) == (10, 20)
    first = selection.considered[0]
    assert (first.job.id, first.role, first.exclusion, first.detail) == (30, "", exclusion, detail)
    assert selection.found == 3
    assert selection.without_local == (2 if exclusion is Exclusion.LOCAL_RUN else 3)


@pytest.mark.parametrize("host", ["localization.example", "mylocalhost", "local2.example", "locals"])
def test_a_host_that_only_contains_the_word_local_is_no_local_run(host):
    """Labels count as a whole."""
    jobs = (info(20, hosts=(host,)), info(10, "1.0", days_ago=5, hosts=(host,)))
    assert ids(pick(*jobs)) == (10, 20)


def test_labels_of_local_runs_are_the_settings_to_say_in_any_case():
    """Other labels can be named, whatever case they are written in."""
    laptop = info(30, "3.0", days_ago=-1, hosts=("anna.laptop",))
    assert ids(pick(laptop, *GOOD, local_labels=("LAPTOP",))) == (10, 20)
    assert left_out(pick(laptop, *GOOD, local_labels=("LAPTOP",))) == {30: Exclusion.LOCAL_RUN}
    local = (info(20, hosts=("a.local",)), info(10, "1.0", days_ago=5, hosts=("a.local",)))
    assert ids(pick(*local, local_labels=())) == (10, 20)


def test_a_job_found_broken_is_left_out_and_the_next_pair_taken():
    """What a download turned out to be counts when the choice is made again."""
    selection = pick(info(30, "3.0", days_ago=-1), *GOOD, broken={30: "counts 5 tests and holds 3"})
    assert ids(selection) == (10, 20)
    assert selection.considered[0].exclusion is Exclusion.UNFINISHED
    assert selection.considered[0].detail == "counts 5 tests and holds 3"


def test_ignored_hardware_is_left_out():
    """A host named in the settings takes all its jobs out, also those with further hosts."""
    selection = pick(info(30, "3.0", days_ago=-1, hosts=("bg-f1.example", "old")), *GOOD, ignored_hardware=("old",))
    assert ids(selection) == (10, 20)
    assert left_out(selection) == {30: Exclusion.OTHER_HARDWARE}
    assert selection.considered[0].detail == "old is ignored"


# ── narrowing ───────────────────────────────────────────────────────────────────────────────────────────────────────

CLUSTER = (
    info(40, hosts=("b", "a")), info(39, "1.0", days_ago=1, hosts=("a", "b")),
    info(38, days_ago=2, hosts=("c",)), info(37, "1.0", days_ago=3, hosts=("c",)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("hardware", "pair"),
    [("", (39, 40)), ("c", (37, 38)), ("a", (39, 40)), ("b", (39, 40)), ("a+b", (39, 40)), ("b+a", (39, 40))],
)
def test_hardware_is_asked_for_by_one_host_or_all_of_them(hardware, pair):
    """One host's name, or all names joined in any order, narrow the choice to its jobs."""
    assert ids(pick(*CLUSTER, hardware=hardware)) == pair


def test_jobs_on_other_hardware_than_asked_for_say_where_they_ran():
    """A job left out by the hardware asked for names its own as it can be asked for."""
    selection = pick(*CLUSTER, hardware="c")
    assert [(seen.exclusion, seen.detail) for seen in selection.considered[:2]] == [
        (Exclusion.OTHER_HARDWARE, "a+b"),
        (Exclusion.OTHER_HARDWARE, "a+b"),
    ]


VERSIONS = tuple(info(9 - day, version, days_ago=day) for day, version in enumerate(["4", "3", "3", "2", "1"]))


@pytest.mark.parametrize(
    ("asked", "pair"),
    [
        ({}, (8, 9, 7)),
        ({"candidate_version": "3"}, (6, 8)),
        ({"baseline_version": "2"}, (6, 9)),
        ({"baseline_version": "1", "candidate_version": "3"}, (5, 8)),
    ],
)
def test_versions_can_be_asked_for(asked, pair):
    """The newest job of a version asked for takes its role, and reruns go with the baseline."""
    assert ids(pick(*VERSIONS, **asked)) == pair


def test_jobs_newer_than_the_version_asked_for_say_so():
    """Versions that were not asked for are told apart from jobs that are merely older than needed."""
    selection = pick(*VERSIONS, candidate_version="3", baseline_version="2")
    assert left_out(selection) == {
        9: Exclusion.OTHER_VERSION,
        5: Exclusion.NOT_NEEDED,
    }


# ── no pair ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("jobs", "asked", "problem"),
    [
        (
            [info(1, deleted=True), info(2, hosts=("a.local",)), info(3, hosts=("b.local",))],
            {},
            "None of the 3 jobs of 'Shop' is usable: deleted, local run; see `perftracker-ai jobs`.",
        ),
        (
            [info(1)],
            {},
            (
                "'Shop' has only one usable job, 1 (2.0); a comparison needs two versions: give two job ids, or measure"
                " another version."
            ),
        ),
        (
            [info(1), info(2), info(3, hosts=("b",))],
            {},
            (
                "All 3 usable jobs of 'Shop' are of one version, 2.0; "
                "give two job ids, or say with the setting discovery.version_from where the version stands."
            ),
        ),
        (
            [info(2, hosts=("a",)), info(1, "1.0", hosts=("b", "c"))],
            {},
            f"No two versions of 'Shop' ran on the same hardware with the same suite (a, b+c); {CLASS}",
        ),
        (
            [info(2, suite_name="API"), info(1, "1.0", suite_name="UI")],
            {},
            f"No two versions of 'Shop' ran on the same hardware with the same suite (bg-f1.example); {CLASS}",
        ),
        (
            [info(2), info(1, "1.0", days_ago=1)],
            {"baseline_version": "0.9"},
            "'Shop' has no pair of jobs with version 0.9; versions seen are 1.0, 2.0.",
        ),
        (
            [info(2), info(1, "1.0", days_ago=1)],
            {"baseline_version": "0.9", "candidate_version": "3.0"},
            "'Shop' has no pair of jobs with version 0.9 and 3.0; versions seen are 1.0, 2.0.",
        ),
        (
            [info(2), info(1, "1.0", days_ago=1)],
            {"candidate_version": "1.0"},
            "'Shop' has no pair of jobs with version 1.0; versions seen are 1.0, 2.0.",
        ),
        (
            [info(2), info(1)],
            {"baseline_version": "1.0"},
            (
                "All 2 usable jobs of 'Shop' are of one version, 2.0; "
                "give two job ids, or say with the setting discovery.version_from where the version stands."
            ),
        ),
    ],
)
def test_without_a_pair_the_reason_is_a_sentence(jobs, asked, problem):
    """Whatever is missing for a comparison is said, with the numbers and names that were seen."""
    selection = pick(*jobs, **asked)
    assert selection.pair is None
    assert f"{selection.problem}; {selection.cure}." == problem
    assert len(selection.considered) == selection.found == len(jobs)


def test_usable_jobs_without_a_partner_say_so():
    """A job that nothing excludes is told as having nothing to be compared with."""
    (seen,) = pick(info(1)).considered
    assert (seen.exclusion, seen.role, seen.detail) == (None, "", "nothing to compare it with")


@pytest.mark.parametrize(
    ("asked", "names", "sentence"),
    [
        ("shop", ["Shop", "Mart"], "No job has the product name 'shop'; the nearest is 'Shop'."),
        ("shop", ["Shop", "SHOP", "Mart"], "the nearest are 'SHOP', 'Shop'."),
        ("Shpo", ["Shop", "Mart"], "No job has the product name 'Shpo'; the nearest is 'Shop'."),
        ("Shop", ["Shop Server Enterprise Edition"], "the nearest is 'Shop Server Enterprise Edition'."),
        ("Zzz", ["Shop", "Mart", ""], "No job has the product name 'Zzz'; product names seen are 'Mart', 'Shop'."),
        ("Zzz", [], "No job has the product name 'Zzz'; product names seen are none at all."),
        ("Shop2", [f"Shop{i}" for i in range(10, 20)], "the nearest are "),
    ],
)
def test_an_unknown_product_is_told_with_the_nearest_names(asked, names, sentence):
    """A mistyped product ends in the names that were probably meant, or in those there are."""
    jobs = [info(number, product_name=name) for number, name in enumerate(names)]
    with pytest.raises(NotFound) as caught:
        choose(jobs, asked, USUAL)
    assert sentence in str(caught.value)
    assert str(caught.value).count("'") <= 2 + 2 * 5


# ── reading lazily ──────────────────────────────────────────────────────────────────────────────────────────────────


class Counted:
    """An endless list of jobs, one a day, that counts how many were asked for."""

    def __init__(self, make):
        self.read = 0
        self._make = make

    def __iter__(self):
        for number in itertools.count():
            self.read += 1
            yield self._make(number)


def test_reading_stops_when_the_pair_and_its_reruns_are_found():
    """An endless list is read as far as a rerun, or the first job of a version, may lie, and no further."""
    jobs = Counted(lambda day: info(10**6 - day, "2.0" if day == 0 else "1.0", days_ago=day))
    assert len(choose(jobs, "Shop", USUAL).pair.reruns) == 5
    assert jobs.read == 93


def test_reading_stops_when_reruns_are_too_old_to_matter():
    """Without enough reruns, jobs more than ninety days before the baseline end the reading."""
    jobs = Counted(lambda day: info(10**6 - day, str(1000 - day), days_ago=day))
    assert choose(jobs, "Shop", USUAL).pair.reruns == ()
    assert jobs.read == 93


def test_jobs_of_other_products_end_the_reading_too():
    """When the product has no older job, those of others do not have to be read to the end."""
    jobs = Counted(
        lambda day: info(10**6 - day, str(1000 - day), days_ago=day, product_name="Shop" if day < 2 else "Mart")
    )
    assert ids(choose(jobs, "Shop", USUAL)) == (10**6 - 1, 10**6)
    assert jobs.read == 93


def test_a_baseline_beyond_the_first_five_thousand_jobs_is_found():
    """Reading goes on for as long as the baseline is not found, and only so long."""
    jobs = Counted(lambda hour: info(10**6 - hour, "2.0" if hour < 6000 else "1.0", days_ago=hour / 24))
    selection = choose(jobs, "Shop", USUAL)
    assert ids(selection)[:2] == (10**6 - 6000, 10**6)
    assert selection.found == jobs.read == 6000 + 24 * 90 + 2


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

JOBS = st.lists(
    st.builds(
        lambda version, day, host, suite, completed, product: {
            "version": version, "days_ago": day, "hosts": host, "suite_name": suite, "tests_completed": completed,
            "product_name": product,
        },
        st.sampled_from(["", "1", "2", "3"]), st.integers(0, 200),
        st.sampled_from([(), ("a",), ("a", "b"), ("x.local",)]),
        st.sampled_from(["API", "UI"]), st.sampled_from([0, 10]), st.sampled_from(["Shop", "shop"]),
    ),
    max_size=12,
)  # fmt: skip


@given(JOBS)
def test_a_chosen_pair_is_always_comparable(rows):
    """A pair is of one product, hardware and suite, of two versions, the baseline below the candidate or before it."""
    jobs = [info(number, **row) for number, row in enumerate(rows, 1)] + [info(99, "", product_name="Shop")]
    selection = pick(*jobs)
    assert {seen.job.id for seen in selection.considered} <= {job.id for job in jobs if job.product_name == "Shop"}
    assert (selection.pair is None) == bool(selection.problem)
    if selection.pair:
        baseline, candidate = selection.pair.baseline, selection.pair.candidate
        assert baseline.product_ver != candidate.product_ver
        below = order(baseline.version) < order(candidate.version)
        assert below or (baseline.end, baseline.id) < (candidate.end, candidate.id)
        for job in (baseline, *selection.pair.reruns):
            assert (set(job.hosts), job.suite_name) == (set(candidate.hosts), candidate.suite_name)
        assert {job.product_ver for job in selection.pair.reruns} <= {baseline.product_ver}
        assert all(seen.role or seen.exclusion for seen in selection.considered)


# ── pairs chosen by hand ────────────────────────────────────────────────────────────────────────────────────────────

OLD, NEW = info(1, "1.0", days_ago=2), info(2, "2.0")


def test_a_proper_pair_gives_no_notice():
    """Two jobs that differ in the version alone need no warning."""
    assert pair_notices(OLD, NEW) == ()


@pytest.mark.parametrize(
    ("baseline", "candidate", "named"),
    [
        ({"product_name": ""}, {}, OtherProduct(baseline="no product", candidate="Shop")),
        ({"hosts": ("b", "a")}, {"hosts": ()}, OtherHardware(baseline="a+b", candidate="no host")),
        ({"suite_ver": "2"}, {}, OtherSuite(baseline="API 2", candidate="API 1.0")),
        ({"product_ver": ""}, {"product_ver": ""}, SameVersion(version="none")),
        ({"product_ver": "2.0"}, {}, SameVersion(version="2.0")),
        (
            {"end": NEW.end + timedelta(days=1), "product_ver": "trunk"},
            {},
            CandidateOlder(baseline=1, baseline_end=date(2026, 9, 7), candidate=2, candidate_end=date(2026, 9, 6)),
        ),
        ({"deleted": True}, {}, DeletedJob(job=1)),
        ({}, {"deleted": True}, DeletedJob(job=2)),
    ],
)
def test_each_difference_beyond_the_version_is_named(baseline, candidate, named):
    """One difference gives its one notice, with the values of both sides."""
    (notice,) = pair_notices(info(1, **{"version": "1.0", "days_ago": 2} | _header(baseline)), _changed(candidate))
    assert notice == named


def _header(fields):
    return {"version" if key == "product_ver" else key: value for key, value in fields.items()}


def _changed(fields):
    return info(2, **_header(fields))


def test_a_job_against_itself_is_named():
    """Comparing a job with itself says so, beside the version being the same."""
    assert [type(notice) for notice in pair_notices(NEW, NEW)] == [SameJob, SameVersion]


@pytest.mark.parametrize(
    ("place", "version"),
    [
        (r"title: build (\S+)", "8.1"),
        (r"command: --build=(\S+)", "412"),
        (r"link Jenkins: /job/(\d+)", "77"),
        (r"link None: (.*)\d", ""),
        ("", "trunk"),
    ],
)
def test_a_version_is_read_where_the_settings_say(place, version):
    """Title, command line and links may tell it; where the text does not, the job has none."""
    job = info(1, "trunk", title="nightly build 8.1 (trunk)")
    links = (("Jenkins", "http://ci.example/job/77"),)
    assert versioned(job, place, "run.py --build=412 --all", links).version == version
