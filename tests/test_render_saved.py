"""`render.saved`: a results file is enough to render everything again."""

import numpy as np
import pytest
from analyses import VARIANTS, many, typical
from msgspec import structs

from perftracker_ai.errors import UsageError
from perftracker_ai.render.markdown import markdown_report
from perftracker_ai.render.result import result_json
from perftracker_ai.render.saved import read_result
from perftracker_ai.render.terminal import plain_summary
from perftracker_ai.settings import DetectSettings, PolicySettings

SETTINGS, POLICY = DetectSettings(moderate=0.2), PolicySettings(block_severe=5)


def saved(made):
    return result_json(made, SETTINGS, POLICY)


@pytest.mark.parametrize("name", VARIANTS)
def test_everything_is_rendered_again_without_the_jobs(name):
    """Report, summary and results made from a results file equal those made from the jobs, to the byte."""
    made = VARIANTS[name]()
    made = structs.replace(made, reruns=())  # the builder measures no curves of reruns
    again, settings, policy = read_result(saved(made), "result_v2.json")
    assert (settings, policy) == (SETTINGS, POLICY)
    assert markdown_report(again, settings, policy) == markdown_report(made, SETTINGS, POLICY)
    assert plain_summary(again, ()) == plain_summary(made, ())
    assert result_json(again, settings, policy) == saved(made)


def test_reruns_come_back_as_rows():
    """The curves of reruns are kept and read as well, and arrays cannot be written to."""
    made = typical()
    curves = made.curves
    tripled = {key: np.vstack([getattr(curves, key)[:1]] * 3) for key in ("mean", "sd", "count", "absence", "errors")}
    made = structs.replace(made, curves=structs.replace(curves, **tripled))
    again, _, _ = read_result(saved(made), "result_v2.json")
    np.testing.assert_array_equal(again.curves.mean, made.curves.mean)
    assert not again.curves.mean.flags.writeable
    assert again.reruns == made.reruns


def test_thousands_of_curves_come_back():
    """Size changes nothing."""
    assert len(read_result(saved(many(2000)), "x")[0].detection.results) == 2000


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"null", b'{"schema_version": 3}'])
def test_damaged_file_ends_in_one_sentence(content):
    """A file that is no results file is refused by name, with what to do."""
    with pytest.raises(UsageError, match=r"^old\.json cannot be read as results .*: compare the two jobs again\.$"):
        read_result(content, "old.json")


@pytest.mark.parametrize("version", ['"2.0"', "2", "4", "null"])
def test_other_version_is_refused(version):
    """A file of another schema version is not guessed at."""
    with pytest.raises(UsageError, match=r"schema version .*, and this program reads 3"):
        read_result(f'{{"schema_version": {version}}}'.encode(), "old.json")
