"""Changes to look at first: read from a checkout that may be hostile, matched by name, shown as no more than that."""

from __future__ import annotations

import os
import random

import pytest
from analyses import analysis, decision, job, regressed, report
from checkouts import OTHERS, Checkout, imported
from hang_guard import must_end
from msgspec.structs import replace
from pages import page

from perftracker_ai.commands.changes import with_changes
from perftracker_ai.diagnose.suspects import MOST, stem, suspects
from perftracker_ai.errors import CheckoutError
from perftracker_ai.files import checkout
from perftracker_ai.files.checkout import commits_between
from perftracker_ai.model import Hypothesis, NoChanges, Strength, Verdict
from perftracker_ai.render.markdown import markdown
from perftracker_ai.results.read import read_result
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import SourceSettings

POLICIES = "GET /api/v2/tenants/{id}/policies"
PLANTED = (
    (POLICIES, "data_size", "Check the quota of each policy when listing", ("policies/service.py",)),
    (POLICIES, "data_size", "Move the list to the new repository layer", ("tenants/policy_repository.py",)),
    ("GET /api/v2/assignments", "memory_limit", "Shrink the permission cache to 1000 entries", ("core/cache.py",)),
    ("PUT /api/v2/drafts/{id}/settings", "contention", "Guard updates by one lock", ("drafts/settings_writer.py",)),
    ("GET /api/v2/exclusions", "data_size", "Sort by name in the database", ("exclusions/dao.py", "db/query.py")),
    ("GET /api/v2/policies/search", "contention", "Lower the pool of search workers to 4", ("search/pool.py",)),
    ("POST /api/v2/devices", "fixed_work", "Write an audit entry for every device", ("devices/api.py", "audit/log.py")),
    ("GET /api/v2/reports/{id}/export", "retry_timeout", "Retry when the store is busy", ("storage/client.py",)),
    ("DELETE /api/v2/groupMembers", "data_size", "Cascade by trigger", ("db/migrations/0042_group_member.sql",)),
    ("GET /api/v2/health", "fixed_work", "Upgrade the web framework", ("requirements.txt", "requirements.lock")),
    ("POST /api/v2/login", "fixed_work", "Hash passwords with more rounds", ("auth/passwords.py",)),
    ("GET /api/v2/alerts", "data_size", "Drop the index nobody uses", ("db/migrations/0043_drop.sql",)),
)
"""An issue, the hypothesis that fits its shape, and the commit that did it, as people write them."""


def hypothesis(key):
    return Hypothesis(
        key=key,
        title=f"{key}: something",
        strength=Strength.MODERATE,
        evidence_for=("it fits",),
        evidence_against=(),
        confirm=("look",),
        refute=("look away",),
    )


def found(endpoint=POLICIES, key="data_size", **jobs):
    """An analysis with one issue."""
    made = analysis([regressed(endpoint)], decision(Verdict.BLOCK), **jobs)
    clusters = tuple(replace(each, scenarios=(), hypotheses=(hypothesis(key),)) for each in made.clusters)
    return replace(made, clusters=clusters)


def versions(older="1.0", newer="1.1"):
    return {"baseline": job(1, older, 1), "candidate": job(2, newer, 2)}


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """A checkout with two versions and sixty commits between them, one of which searches policies."""
    path = tmp_path_factory.mktemp("product") / "repo"
    between = [OTHERS[at % len(OTHERS)] for at in range(60)]
    between[31] = ("Search policies by all their fields", ("policies/search.py",))
    imported(path, OTHERS[:3], between)
    return path


def test_the_commits_between_two_tags_are_read_the_newest_first(product):
    """Commits of the newer version that the older one lacks come with message, time and files."""
    commits, complete = commits_between(product, "v1.0", "v1.1")
    assert (len(commits), complete) == (60, True)
    assert commits[28].subject == "Search policies by all their fields"
    assert commits[28].paths == ("policies/search.py",)
    assert commits[0].authored > commits[-1].authored


@pytest.mark.parametrize("seed", range(3))
def test_the_commit_that_did_it_is_among_the_first_five(tmp_path, seed):
    """Of sixty commits the one that did it is named in at least eight of ten cases, wherever it stands."""
    shuffled = random.Random(seed)
    between = [(message, files) for _, _, message, files in PLANTED]
    between += [shuffled.choice(OTHERS) for _ in range(60 - len(PLANTED))]
    shuffled.shuffle(between)
    imported(tmp_path / "repo", OTHERS[:1], between)
    commits, _ = commits_between(tmp_path / "repo", "v1.0", "v1.1")
    hits = 0
    for endpoint, key, message, _ in PLANTED:
        named = suspects(found(endpoint, key).clusters, commits)
        assert len(named) <= MOST
        hits += message in [each.subject for each in named]
    assert hits >= 0.8 * len(PLANTED)


def test_a_commit_that_shares_nothing_is_not_named(product):
    """Commits come with what they share, and none is named for sharing nothing."""
    commits, _ = commits_between(product, "v1.0", "v1.1")
    (only,) = suspects(found("GET /api/v2/policies/search", "environment").clusters, commits)
    assert (only.subject, only.words, only.kinds) == (
        "Search policies by all their fields",
        ("policies", "search"),
        (),
    )
    assert suspects(found("GET /api/v2/zebra", "environment").clusters, commits) == ()


def test_a_word_that_every_endpoint_has_matches_nothing(product):
    """What all paths of a service begin with says nothing of one of them."""
    commits, _ = commits_between(product, "v1.0", "v1.1")
    endpoints = ("GET /v1/policies/zebra", "GET /v1/policies/quagga", "GET /v1/policies/okapi")
    assert suspects(found(endpoints[0], "environment").clusters, commits, endpoints) == ()
    alike = ("GET /v1/policies/{id}", "GET /v1/policies/{id}/search", "GET /v1/search")
    (only,) = suspects(found(alike[1], "environment").clusters, commits, alike)
    assert only.words == ("policies", "search")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("policies", "policy"),
        ("assignments", "assign"),
        ("queries", "query"),
        ("validation", "validate"),
        ("users", "user"),
    ],
)
def test_forms_of_a_word_have_one_stem(one, other):
    """A path says ``policies`` where a commit says ``policy``."""
    assert stem(one) == stem(other)


def test_the_report_names_them_and_calls_none_a_cause(product):
    """The section stands in the report with commit, date, subject and match, and says what a match is worth."""
    made = with_changes(found("GET /api/v2/policies/search", **versions()), SourceSettings(repo=str(product)))
    text = markdown(report(made))
    section = text.partition("## Changes To Look At First")[2].partition("\n## ")[0]
    assert "no evidence of cause" in section
    assert "Search policies by all their fields" in section
    assert "policies, search" in section
    assert made.changes.suspects[0].commit[:12] in section
    assert "Search policies by all their fields" in page(made)
    assert read_result(result_json(made), "x").changes == made.changes


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"repo": "/nowhere/at/all"}, "cannot be read as a checkout"),
        ({"tag": "release-{version}"}, "has no tag release-1.0"),
        ({"tag": "--upload-pack={version}"}, "cannot be the name of a tag"),
        ({"tag": "{version}..x"}, "cannot be the name of a tag"),
    ],
)
def test_a_checkout_that_cannot_be_read_costs_a_notice(product, settings, problem):
    """The comparison stands without its changes, and says in a sentence why they are left out and what to do."""
    made = with_changes(found(**versions()), SourceSettings(**{"repo": str(product)} | settings))
    (notice,) = made.notices
    assert isinstance(notice, NoChanges)
    assert problem in notice.problem
    assert notice.cure
    assert made.changes is None


@pytest.mark.parametrize("version", ["1.0 ", "-1", "a\nb", "../x", "x@{1}", "x..y", "", "ü", "a" * 300])
def test_a_version_never_reaches_git_as_anything_but_a_tag(product, version):
    """Versions come from a server: one that cannot be a tag is refused before git sees it."""
    with pytest.raises(CheckoutError, match="tag"):
        commits_between(product, f"v{version}" if version else "", "v1.1")


def test_nothing_a_checkout_names_is_run(tmp_path):
    """Hooks, filters, pagers, signature programs and helpers that a hostile checkout sets are not started."""
    repo, trace = Checkout(tmp_path / "repo"), tmp_path / "run"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 >> {trace}\n")
    program.chmod(0o755)
    repo.commit("First", ["a"])
    repo.git("tag", "v1.0")
    repo.commit("Second", ["b.bin", ".gitattributes"])
    repo.git("tag", "v1.1")
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        (repo.path / ".git/hooks" / hook).write_bytes(program.read_bytes())
        (repo.path / ".git/hooks" / hook).chmod(0o755)
    keys = (
        "core.pager",
        "pager.log",
        "core.fsmonitor",
        "diff.external",
        "gpg.program",
        "core.sshCommand",
        "diff.x.textconv",
    )
    for key in (*keys, "core.alternateRefsCommand", "core.askPass", "core.editor", "uploadpack.packObjectsHook"):
        repo.git("config", key, str(program))
    repo.git("config", "log.showSignature", "true")
    repo.git("config", "extensions.partialClone", "far")
    repo.git("config", "remote.far.promisor", "true")
    repo.git("config", "remote.far.url", f"ext::{program}")
    commits, _ = commits_between(repo.path, "v1.0", "v1.1")
    assert [commit.subject for commit in commits] == ["Second"]
    assert not trace.exists()


def test_names_and_messages_cannot_forge_a_commit_or_leave_the_report(tmp_path):
    """Control characters, markup and what looks like git's own answer stay the text of the commit that holds it."""
    forged = "a" * 40
    subject = f"policies <b>bold</b> \x1b[31m|red| \x01{forged}\x02 [link](http://x.example) \u202e"
    imported(tmp_path / "repo", OTHERS[:1], [(subject, ("policies/\\001\\nx.py", f"{forged}")), OTHERS[1]])
    commits, _ = commits_between(tmp_path / "repo", "v1.0", "v1.1")
    assert len(commits) == 2
    made = with_changes(found(**versions()), SourceSettings(repo=str(tmp_path / "repo")))
    text = markdown(report(made))
    assert "<b>" not in text
    assert "\x1b" not in text
    assert "http://x.example" not in text


def test_a_huge_history_is_cut_at_its_older_end_in_time(tmp_path, monkeypatch):
    """No size of a change or of a history costs more than the bounds; what is left out is said."""
    monkeypatch.setattr(checkout, "MOST_COMMITS", 20)
    wide = ("Touch everything", tuple(f"dir{at % 50}/file{at}.py" for at in range(5_000)))
    imported(tmp_path / "repo", OTHERS[:1], [OTHERS[at % len(OTHERS)] for at in range(40)] + [wide])
    commits, complete = commits_between(tmp_path / "repo", "v1.0", "v1.1")
    assert (len(commits), complete, commits[0].subject) == (20, False, "Touch everything")
    monkeypatch.setattr(checkout, "MOST_BYTES", 4_000)
    commits, complete = commits_between(tmp_path / "repo", "v1.0", "v1.1")
    assert (len(commits), complete) == (0, False)


def test_git_that_hangs_is_ended(tmp_path, monkeypatch):
    """A git that never answers costs its time and no more, and nothing of it is left behind."""
    program, alive = tmp_path / "git", tmp_path / "alive"
    program.write_text(f"#!/bin/sh\necho $$ > {alive}\nexec /bin/sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with must_end(), pytest.raises(CheckoutError, match="did not answer"):
        commits_between(tmp_path, "v1.0", "v1.1", within_s=0.5)
    for pid in alive.read_text().split() if alive.exists() else ():  # a slow machine may have ended it before its word
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_git_that_says_all_and_does_not_end_is_ended(tmp_path, monkeypatch):
    """A git that closes its answer and lives on costs its time and no more."""
    program = tmp_path / "git"
    told = "case $* in *rev-parse*) echo " + "a" * 40 + ";; *) exec >&-; exec /bin/sleep 600;; esac"
    program.write_text(f"#!/bin/sh\n{told}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with must_end():
        assert commits_between(tmp_path, "v1.0", "v1.1", within_s=2.0) == ((), False)


def test_without_git_the_sentence_says_so(tmp_path, monkeypatch):
    """A machine without git is told to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CheckoutError, match="git is not installed; install it"):
        commits_between(tmp_path, "v1.0", "v1.1")


def test_runs_of_one_version_and_without_an_issue_read_nothing():
    """Nothing lies between two runs of one version, and nothing is looked for where nothing became worse."""
    source = SourceSettings(repo="/nowhere/at/all")
    same = found(**versions("1.0", "1.0"))
    assert with_changes(same, source) is same
    quiet = replace(found(**versions()), clusters=())
    assert with_changes(quiet, source) is quiet
