"""`render.saved`: a results file is enough to render everything again."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from analyses import VARIANTS, many, nothing_found, remembered, typical
from msgspec import structs
from pages import page

from perftracker_ai.errors import UsageError
from perftracker_ai.model import BY_RUN
from perftracker_ai.render.junit import junit_xml
from perftracker_ai.render.markdown import markdown_report
from perftracker_ai.render.terminal import plain_summary
from perftracker_ai.results.read import read_result
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import DetectSettings, PolicySettings

SETTINGS = {"criteria": DetectSettings(moderate=0.2), "policy": PolicySettings(block_severe=5)}


def saved(made):
    return result_json(made)


@pytest.mark.parametrize("name", VARIANTS)
def test_everything_is_rendered_again_without_the_jobs(name):
    """Report, summary and results made from a results file equal those made from the jobs, to the byte."""
    made = VARIANTS[name]()
    made = structs.replace(made, reruns=(), **SETTINGS)  # the builder measures no curves of reruns
    again = read_result(saved(made), "result_v2.json")
    assert {"criteria": again.criteria, "policy": again.policy} == SETTINGS
    assert markdown_report(again) == markdown_report(made)
    assert plain_summary(again, ()) == plain_summary(made, ())
    assert result_json(again) == saved(made)


def test_reruns_come_back_as_rows():
    """The curves of reruns are kept and read as well, and arrays cannot be written to."""
    made = typical()
    curves = made.curves
    tripled = {key: np.vstack([getattr(curves, key)[:1]] * 3) for key in BY_RUN}
    made = structs.replace(made, curves=structs.replace(curves, **tripled))
    again = read_result(saved(made), "result_v2.json")
    np.testing.assert_array_equal(again.curves.mean, made.curves.mean)
    assert not again.curves.mean.flags.writeable
    assert again.reruns == made.reruns


def test_thousands_of_curves_come_back():
    """Size changes nothing."""
    assert len(read_result(saved(many(2000)), "x").detection.results) == 2000


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"null", b'{"schema_version": 4}'])
def test_damaged_file_ends_in_one_sentence(content):
    """A file that is no results file is refused by name, with what to do."""
    with pytest.raises(UsageError, match=r"^old\.json cannot be read as results .*: compare the two jobs again\.$"):
        read_result(content, "old.json")


@pytest.mark.parametrize("version", ['"2.0"', "2", "3", "null"])
def test_other_version_is_refused(version):
    """A file of another schema version is not guessed at."""
    with pytest.raises(UsageError, match=r"schema version .*, and this program reads 4"):
        read_result(f'{{"schema_version": {version}}}'.encode(), "old.json")


def test_page_and_junit_show_the_same_past_again():
    """What earlier jobs say comes back from the results file, drawings included, to the byte."""
    made = structs.replace(remembered(), reruns=())
    again = read_result(saved(made), "result_v2.json")
    assert again.chronicle == made.chronicle
    assert page(again) == page(made)
    assert junit_xml([again]) == junit_xml([made])


def test_the_command_tells_the_past_again(run):
    """`report` writes since when an issue is there and what else earlier jobs say, with no store and no server."""
    Path("result_v2.json").write_bytes(saved(structs.replace(remembered(), reruns=())))
    ran = run("report", "result_v2.json", "--llm", "off")
    assert ran.code == 0, ran.err
    assert "since 1.65-5003, job 85809" in ran.out
    (report,) = Path().rglob("llm_report.md")
    text = report.read_text(encoding="utf-8")
    assert "- **Since:** since 1.65-5003 (job 85809, 2026-06-03)" in text
    assert "## Patterns and Trends" in text
    (written,) = Path().rglob("report.html")
    assert 'id="trends"' in written.read_text(encoding="utf-8")


def test_a_file_from_before_histories_is_read():
    """Results without the key that holds what earlier jobs say are read as of a run without a history."""
    document = msgspec.json.decode(saved(nothing_found()))
    del document["chronicle"]
    assert read_result(msgspec.json.encode(document), "x").chronicle is None


def test_a_file_that_lacks_a_run_s_values_is_refused():
    """Reruns that are named and have no values are damage, told in a sentence."""
    with pytest.raises(UsageError, match="cannot be read as results"):
        read_result(saved(typical()), "x")  # the builder measures no curves of reruns


@pytest.mark.parametrize("broken", [{}, [], "x", {"jobs": 3}, {"jobs": [], "onsets": [{}], "patterns": {}}])
def test_a_damaged_past_ends_in_one_sentence(broken):
    """What is no history is refused like any other damage."""
    document = msgspec.json.decode(saved(nothing_found())) | {"chronicle": broken}
    with pytest.raises(UsageError, match="cannot be read as results"):
        read_result(msgspec.json.encode(document), "x")


def test_a_past_without_time_zones_is_shown():
    """Moments whose zone was cut off a damaged file are compared as they stand, without a traceback."""
    naive = saved(structs.replace(remembered(), reruns=())).replace(b'T22:00:00Z"', b'T22:00:00"')
    made = read_result(naive, "x")
    assert made.chronicle.jobs[0].end.tzinfo is None
    assert "3 weeks before the candidate" in markdown_report(made)


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved["curves"][0]["curve"].update(index=7000),
        lambda saved: saved["curves"][0]["curve"].update(start=-1),
        lambda saved: saved["curves"][0]["curve"].update(stop=10**9),
        lambda saved: saved["curves"][0]["result"].update(curve=-1),
        lambda saved: saved["curves"][0]["result"].update(worst=99),
        lambda saved: saved["curves"][0]["labels"].pop(),
        lambda saved: saved["curves"][0]["loads"].append(1.0),
        lambda saved: saved["curves"][0]["absence"][0].__setitem__(0, 200),
        lambda saved: saved["curves"].pop(0),
        lambda saved: saved["clusters"][0].update(worst_curve=-1),
        lambda saved: saved["clusters"][0].update(curves=[10**6]),
        lambda saved: next(one for one in saved["curves"] if one["result"]["windows"])["result"]["windows"][0].update(
            last=10**6
        ),
    ],
)
def test_an_index_that_leads_nowhere_is_refused(change):
    """Whatever number of altered results points outside of them, they are refused in one sentence."""
    document = msgspec.json.decode(saved(structs.replace(typical(), reruns=())))
    change(document)
    with pytest.raises(UsageError, match="cannot be read as results"):
        read_result(msgspec.json.encode(document), "x")


def test_deep_nesting_is_refused():
    """Nesting without end is damage like any other."""
    with pytest.raises(UsageError, match="cannot be read as results"):
        read_result(b'{"metadata":' * 100_000, "x")
