"""The strip of an issue's past: what is marked, where lines break, and that no history is too odd to be drawn."""

import re

import numpy as np
import pytest
from analyses import nights, onset, quiet, remembered
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from perftracker_ai.model.history import Chronicle
from perftracker_ai.render.page import past
from perftracker_ai.render.timeline import HEIGHT, WIDTH, Slope, Strip, finite, level_text, ring, slope, strip
from perftracker_ai.report import issue
from perftracker_ai.report.view import view, worsened

JOBS = nights(30)
LEFT, RIGHT = 92, WIDTH - 14


def drawn(levels, **changes):
    fields = {
        "name": "n",
        "title": "t",
        "description": "d",
        "levels": finite(levels),
        "first": None,
        "label": "1.65",
        "doubt": None,
        "creeping": False,
        "baseline": None,
        "candidate": None,
        "ends": ("2026-05-25", "2026-06-23"),
    }
    return str(strip(Strip(**fields | changes)))


def card(*onsets, jobs=JOBS):
    """What the card of the worst issue says of its past, and what is drawn there."""
    made = structs.replace(
        remembered(), chronicle=Chronicle(jobs=jobs, onsets=onsets, patterns=quiet(), oldest=jobs[0])
    )
    shown = view(made)
    since = issue.began(issue.issues(shown, worsened(shown)[:1])[0])
    return (since.text if since else "") + "".join(past.drawings(shown).values())


def numbers(text):
    return [int(number) for number in re.findall(r"-?\d+", text)]


# ── the drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_never_drawn_over_a_job_without_a_value():
    """Jobs that have no value leave a gap, and a lone job stays visible as a dot."""
    line = re.search(r'class="cand" d="([^"]+)"', drawn((0.0, 0.0, None, 0.5, None, 0.5, 0.5)))[1]
    assert [len(numbers(piece)) // 2 for piece in line.split("M")[1:]] == [2, 1, 2]


def places(commands):
    """Where a line goes: each part begins at a place of its own, and goes on by steps."""
    parts = [numbers(part.replace("h0", "")) for part in commands.split("M")[1:]]
    return np.concatenate([np.cumsum(np.reshape(part, (-1, 2)), axis=0) for part in parts])


def test_marks_stand_at_their_jobs():
    """First job at the new level, doubt, baseline and candidate are at the places of these jobs, inside of the axis."""
    text = drawn((0.0, 0.0, 0.0, 0.5, 0.5), first=3, doubt=(2, 4), baseline=1, candidate=4)
    step = (RIGHT - LEFT) / 4
    assert numbers(re.search(r'class="onset" d="([^"]+)"', text)[1])[0] == round(LEFT + 3 * step)
    left, width = map(int, re.search(r'<rect x="(\d+)" y="\d+" width="(\d+)"', text).groups())
    assert (left, left + width) == (LEFT + 2 * step, RIGHT)
    for kind, place in (("was", 1), ("now", 4)):
        assert numbers(re.search(rf'class="{kind}" d="M([^a]+)a', text)[1])[0] + 7 == round(LEFT + place * step)


def test_what_has_no_place_is_not_marked():
    """Without baseline, candidate or first job among those shown there is no mark, nor is there for a missing value."""
    bare = drawn((0.0, 0.1, 0.2))
    assert not re.search(r"onset|was|now|doubt", bare)
    assert "now" not in drawn((0.0, 0.1, None), candidate=2)


@pytest.mark.parametrize(("first", "anchor"), [(0, None), (5, "middle"), (10, "end")])
def test_the_version_is_written_inwards(first, anchor):
    """Near either end the label reaches away from it, so that it is never cut."""
    text = drawn((0.0,) * 11, first=first)
    assert re.search(r'<text x="\d+" y="19"(?: class="(\w+)")?>1\.65</text>', text)[1] == anchor


def test_noise_is_flat_and_directions_mirror():
    """Levels within a few percent stay near the line of no change; twice and half the cost are equally far from it."""
    line = re.search(r'class="cand" d="([^"]+)"', drawn((0.0, 0.02, -0.02)))[1]
    assert np.ptp(places(line)[:, 1]) <= HEIGHT / 10
    zero, up, down = places(re.search(r'class="cand" d="([^"]+)"', drawn((0.0, 1.0, -0.5)))[1])[:, 1]
    assert zero - up == pytest.approx(down - zero, abs=1)


@pytest.mark.parametrize(
    ("level", "text"), [(0.0, "0 %"), (1.5, "+150 %"), (9.0, "10.0×"), (1e6, "> 9,999×"), (1e308, "> 9,999×")]
)
def test_a_level_is_told_in_few_characters(level, text):
    """A slowdown is a percentage, a large one a factor, a huge one only huge: the axis has room for no more."""
    assert level_text(level) == text


@given(
    st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(-2, 1e6), min_size=1, max_size=130)
)
def test_every_history_can_be_drawn(levels):
    """Whatever the levels, the drawing stays inside of its box."""
    text = drawn(tuple(levels), first=len(levels) - 1, baseline=0, candidate=len(levels) - 1)
    line = re.search(r'class="cand" d="([^"]+)"', text)
    across, down = places(line[1] if line else "M0 0").T
    assert ((across >= 0) & (across <= WIDTH)).all()
    assert ((down >= 0) & (down <= HEIGHT)).all()
    assert "nan" not in text


@given(st.floats(-0.9, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_every_creep_can_be_drawn(slowdown, below, above):
    """Whatever its size, a slope stays inside of its box and rises where it became slower."""
    text = str(
        slope(
            Slope(
                name="n",
                title="t",
                description="d",
                slowdown=slowdown,
                low=slowdown - below * abs(slowdown),
                high=slowdown + above * abs(slowdown),
                ends=("2026-05-25", "2026-06-23"),
            )
        )
    )
    _, start, right, end = numbers(re.search(r'class="trend" d="([^"]+)"', text)[1])
    assert 0 <= end <= HEIGHT
    assert 0 <= right <= WIDTH
    assert (start - end) * slowdown >= 0


def test_a_creeping_issue_has_a_line_through_its_levels():
    """Where there may be no first job the straight line of best fit is drawn, and neither onset nor doubt."""
    text = drawn(tuple(at / 10 for at in range(10)), first=4, doubt=(2, 6), creeping=True)
    (left, first), (right, last) = places(re.search(r'class="trend" d="([^"]+)"', text)[1])
    assert (left, right) == (LEFT, RIGHT)
    assert first - last > HEIGHT / 3
    assert not re.search("onset|doubt", text)


def test_a_ring_is_round_its_middle():
    """The circle begins at its left end and returns there."""
    assert ring(20, 10) == "M13 10a7 7 0 1 0 14 0a7 7 0 1 0 -14 0z"


# ── when there is one ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_jobs_are_told_and_not_drawn(count):
    """With no job beside the compared ones there are words and no drawing."""
    jobs = nights(count)
    text = card(onset(1, jobs, count - 1, good=0), jobs=jobs)
    assert "last good 1.65-5000" in text
    assert "<svg" not in text


def test_without_any_level_there_are_words_only():
    """An issue whose jobs all lack a value has no drawing."""
    assert "<svg" not in card(onset(1, JOBS, 9, levels=(None,) * 30))


def test_a_history_that_does_not_know_the_issue_says_nothing():
    """An issue without an onset, or with another's, has neither words nor a drawing."""
    assert card() == card(onset(7, JOBS, 9)) == ""


def test_jobs_that_are_not_shown_are_not_marked():
    """A first job, a good one and a baseline older than the jobs shown leave words and an unmarked line."""
    before = nights(3, first=100)
    old = structs.replace(onset(1, JOBS, 9), first=before[1], last_good=before[0], earliest=before[1], latest=before[1])
    text = card(old, jobs=JOBS[10:])
    assert "since 1.65-5000 (job 101, 2026-05-26)" in text
    assert 'class="now"' in text
    assert not re.search('class="(onset|was|doubt)"', text)


def test_levels_and_jobs_of_different_number_are_drawn_as_far_as_they_agree():
    """A damaged file with fewer levels than jobs costs no traceback."""
    assert "cost over 12 jobs" in card(onset(1, JOBS, 9, levels=(0.0,) * 12))
    assert "cost over 30 jobs" in card(onset(1, JOBS, 9, levels=(0.0,) * 99))


def test_a_drawing_is_described():
    """Who cannot see it hears range and span of the levels, since when, and how many jobs have no value."""
    text = card(onset(1, JOBS, 9, levels=(None, 0.0, -0.04, *(1.5,) * 27)))
    assert "job by job from 2026-05-25 to 2026-06-23: between -4 % and +150 %." in text
    assert "Since 1.65-5003, job 85809. No value in 1 job.</desc>" in text
