"""`render.saved`: a results file is enough to render everything again."""

import functools
import operator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from analyses import VARIANTS, many, nothing_found, remembered, report, typical
from msgspec import structs
from pages import page

from perftracker_ai.errors import UsageError
from perftracker_ai.model import BY_RUN
from perftracker_ai.render.junit import junit_xml
from perftracker_ai.render.markdown import markdown
from perftracker_ai.render.terminal import plain_screen
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
    assert markdown(report(again)) == markdown(report(made))
    assert plain_screen(report(again), ()) == plain_screen(report(made), ())
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
    with pytest.raises(UsageError, match=r"^old\.json cannot be read as results .*; compare the two jobs again\.$"):
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
    assert 'id="patterns"' in written.read_text(encoding="utf-8")


def test_a_file_from_before_histories_is_read():
    """Results without the key that holds what earlier jobs say are read as of a run without a history."""
    document = msgspec.json.decode(saved(nothing_found()))
    del document["chronicle"]
    assert read_result(msgspec.json.encode(document), "x").chronicle is None


def test_a_file_that_lacks_a_run_s_values_is_refused():
    """Reruns that are named and have no values are damage, told in a sentence."""
    with pytest.raises(UsageError, match="cannot be read as results"):
        read_result(saved(typical()), "x")  # the builder measures no curves of reruns


@pytest.mark.parametrize(
    ("where", "value"),
    [(("clusters", 0, "key"), 'x" onload="'), (("clusters", 0, "key"), ""), (("curves", 0, "result", "id"), "R1\n")],
)
def test_a_name_that_is_none_is_refused(where, value):
    """Keys and ids stand in links: they are what the program makes of them, or the file is damaged."""
    document = msgspec.json.decode(saved(structs.replace(typical(), reruns=())))
    *path, last = where
    inner = functools.reduce(operator.getitem, path, document)
    inner[last] = value
    with pytest.raises(UsageError, match="cannot be read as results"):
        read_result(msgspec.json.encode(document), "x")


def test_two_issues_of_one_key_are_refused():
    """A key stands for one issue."""
    document = msgspec.json.decode(saved(structs.replace(typical(), reruns=())))
    document["clusters"][1]["key"] = document["clusters"][0]["key"]
    with pytest.raises(UsageError, match="two curves or issues of one name"):
        read_result(msgspec.json.encode(document), "x")


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
    assert "3 weeks before the candidate" in markdown(report(made))


def windowed(document):
    return next(one for one in document["curves"] if one["result"]["windows"])


def window(document):
    return windowed(document)["result"]["windows"][0]


ALTERED = {
    "curve of another number": lambda it: it["curves"][0]["curve"].update(index=7000),
    "start before all": lambda it: it["curves"][0]["curve"].update(start=-1),
    "stop behind all": lambda it: it["curves"][0]["curve"].update(stop=10**9),
    "result of no curve": lambda it: it["curves"][0]["result"].update(curve=-1),
    "worst of no window": lambda it: it["curves"][0]["result"].update(worst=99),
    "a label less": lambda it: it["curves"][0]["labels"].pop(),
    "a load more": lambda it: it["curves"][0]["loads"].append(1.0),
    "a value moved on": lambda it: it["curves"][1]["baseline"].append(it["curves"][0]["baseline"].pop()),
    "a run less": lambda it: it["curves"][0]["errors"].pop(),
    "unknown absence": lambda it: it["curves"][0]["absence"][0].__setitem__(0, 200),
    "absent value": lambda it: it["curves"][0]["absence"][0].__setitem__(0, 2),
    "value of none": lambda it: it["curves"][0]["baseline"].__setitem__(0, None),
    "a curve less": lambda it: it["curves"].pop(0),
    "no curve": lambda it: it["curves"].clear(),
    "cluster led by none": lambda it: it["clusters"][0].update(worst_curve=-1),
    "cluster led by another's": lambda it: it["clusters"][0].update(worst_curve=it["clusters"][1]["curves"][0]),
    "cluster of no curve": lambda it: it["clusters"][0].update(curves=[10**6]),
    "cluster of nothing": lambda it: it["clusters"][0].update(curves=[]),
    "cluster of a curve that did not change": lambda it: window(it).update(direction="better"),
    "window beyond": lambda it: window(it).update(last=10**6),
    "window backwards": lambda it: window(it).update(first=window(it)["last"], last=window(it)["first"] - 1),
    "left out beyond": lambda it: it["curves"][0]["result"].update(left_out=[10**6]),
    "accounting of an unknown reason": lambda it: it["accounting"][0]["absent"].update(weather=3),
    "negative count of an account": lambda it: it["accounting"][0].update(tests=-5),
    "count as text": lambda it: it["accounting"][0].update(points="many"),
    "account of text": lambda it: it["accounting"][0].update(job_id="x"),
    "job of text": lambda it: it["metadata"]["run1"].update(id="85806"),
    "job of half a number": lambda it: it["metadata"]["run1"].update(tests_total=1.5),
    "job without a title": lambda it: it["metadata"]["run2"].update(title=None),
    "job of an endless number": lambda it: it["metadata"]["run2"].update(id=10**300),
    "job that ended at noon": lambda it: it["metadata"]["run2"].update(end="noon"),
    "host of a number": lambda it: it["metadata"]["run2"].update(hosts=[7]),
    "notice of an unknown kind": lambda it: it["notices"].append({"kind": "weather", "values": []}),
    "notice of too little": lambda it: it["notices"].append({"kind": "same_version", "values": []}),
    "notice of another type": lambda it: it["notices"].append({"kind": "same_job", "values": ["x"]}),
    "slower than anything": lambda it: window(it).update(median_slowdown=1e308),
    "faster than nothing": lambda it: window(it).update(median_slowdown=-1.5),
    "probability beyond 1": lambda it: window(it).update(p_value=1.5),
    "no sentinel": lambda it: it["curves"][0]["candidate"].__setitem__(0, 1.7976931348623157e308),
    "no subnormal": lambda it: it["curves"][0]["candidate"].__setitem__(0, 5e-324),
    "negative value": lambda it: it["curves"][0]["candidate"].__setitem__(0, -1.0),
    "load of DBL_MAX": lambda it: it["curves"][0]["loads"].__setitem__(0, 1e308),
    "deviation of DBL_MAX": lambda it: it["curves"][0]["sd"][0].__setitem__(0, 1e308),
    "a time of no calendar": lambda it: it["curves"][0]["begin"][0].__setitem__(0, 1e300),
    "unknown outcome": lambda it: it["curves"][0]["result"].update(outcome="fine"),
    "negative threshold": lambda it: it["config"]["detect"].update(moderate=-1),
    "seed of text": lambda it: it.update(seed="x"),
    "verdict of no policy": lambda it: it["verdict"].update(verdict="SHIP"),
    "beginning of no cluster": lambda it: it["chronicle"]["onsets"][0].update(cluster="C99"),
    "levels of other jobs": lambda it: it["chronicle"]["onsets"][0]["levels"].pop(),
    "history of no job": lambda it: it["chronicle"]["onsets"][0]["first"].update(job="x"),
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_what_does_not_belong_together_is_refused(change):
    """Whatever altered results hold of other types, ranges and indices, they are refused in one sentence."""
    document = msgspec.json.decode(saved(structs.replace(remembered(), reruns=())))
    change(document)
    with pytest.raises(UsageError, match=r"^x cannot be read as results \(.+\); compare the two jobs again\.$"):
        read_result(msgspec.json.encode(document), "x")


def test_deep_nesting_is_refused():
    """Nesting without end is damage like any other."""
    with pytest.raises(UsageError, match="cannot be read as results"):
        read_result(b'{"metadata":' * 100_000, "x")
