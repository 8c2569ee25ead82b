"""How often trends are right and how long they take, beside apache-otava.

    python benchmarks/history.py [--quick] [--markdown] [--seed N] [--no-otava] [--otava DIR]

Labelled series (a third unchanged, steps of 3 to 40 %) for precision, recall and speed; quiet series of many kinds of
noise for false alarms; nights added to histories, for changes that are taken back; drifts, modes and the like for the
states; and regressions between two jobs, for the job they came in with. A partition with a penalty of 10 log n and
Otava stand beside it. Otava is installed into an environment of its own,
kept in the system's temporary folder; both are timed by the processor time of one thread. Exit code 1 when a limit is
missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from appended import kept
from histories import MIXED, NOISES, Noise, as_series, labelled, noise, quiet, score
from onsets import of_comparisons, of_levels
from partitions import textbook_changes
from tables import rate, show

from perftracker_ai.trends import TrendState, find_trends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from histories import Score
    from numpy.typing import NDArray
    from onsets import Answer

    from perftracker_ai.trends import Trend

SEED = 20261124
OTAVA = "apache-otava==0.8.0"
SERIES, POINTS = 1000, 200
RUNS = 5
SPEEDUP_LIMIT = 50
FALSE_LIMIT = 5.0
PROMISED = {kind.name for kind in NOISES} - {"5 % spikes", "slow waves"}
"""Kinds of noise the limit on false changes is promised for; the other two are shown as they are."""

OTAVA_VARIANTS = {"Otava, as it comes": {}, "Otava, changes from 5 %": {"min_magnitude": 0.05}}
OTAVA_SCRIPT = """
import json, sys, time
import numpy as np
from otava.analysis import compute_change_points
values, options, found = np.load(sys.argv[1]), json.loads(sys.argv[2]), []
compute_change_points(values[0].tolist(), **options)
begin = time.process_time()
for row in values:
    found.append([int(one.index) for one in compute_change_points(row.tolist(), **options)[0]])
json.dump([(time.process_time() - begin) / len(values), found], sys.stdout)
"""

HELD_LIMIT = 0.90
NIGHTS = (
    Noise(name="3 %, correlation 0 to 0.4", sigma=(0.03, 0.03), rho=(0.0, 0.4)),
    Noise(name="3 %, heavy tails, spikes", sigma=(0.03, 0.03), rho=(0.0, 0.4), tails=(4.0, 8.0), spikes=0.015),
)
"""Noise of levels from night to night."""

CALM_NIGHTS = Noise(name="0.1 to 2 %, correlation 0 to 0.3", sigma=(0.001, 0.02), rho=(0.0, 0.3))
LOST_LIMIT = 0.01

CALM = Noise(name="calm", sigma=(0.03, 0.03), rho=(0.0, 0.4))


class Timed(NamedTuple):
    """What was found in the labelled series, and the seconds each took."""

    name: str
    found: Sequence[Sequence[int]]
    series_s: float


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    missed = [*_against_others(arguments), *_quiet_series(arguments), *_added_nights(arguments)]
    _states(arguments)
    missed += _onsets(arguments)
    for sentence in missed:
        print(f"\nMissed: {sentence}", file=sys.stderr)
    return int(bool(missed))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the series")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--no-otava", action="store_true", help="leave the comparison out")
    parser.add_argument(
        "--otava",
        type=Path,
        default=Path(tempfile.gettempdir()) / f"perftracker-ai-{OTAVA.replace('==', '-')}",
        metavar="DIR",
        help="environment of otava, made when it is not there",
    )
    return parser.parse_args(argv)


# ── labelled series ─────────────────────────────────────────────────────────────────────────────────────────────────


def _against_others(arguments: argparse.Namespace) -> list[str]:
    values, truth = labelled(
        MIXED, SERIES // (5 if arguments.quick else 1), POINTS, np.random.default_rng(arguments.seed)
    )
    runs = [_ours(values), _textbook(values)]
    if not arguments.no_otava:
        runs += _otava(values, _environment(arguments.otava))
    runs.append(min(runs[0], _ours(values), key=lambda run: run.series_s)._replace(name="perftracker-ai, again"))
    scores = [score(run.found, truth) for run in runs]
    header = ("", "precision", "recall", "F1", "alerted/1000", "false changes/1000", "ms/series", "times faster")
    ours = min(runs[0].series_s, runs[-1].series_s)
    rows = [
        (run.name, *_columns(one), f"{run.series_s * 1e3:.3f}", f"{run.series_s / ours:.0f}")
        for run, one in zip(runs, scores, strict=True)
    ]
    title = (
        f"{len(values)} series of {POINTS} values, {sum(map(len, truth))} changes of 3 to 40 %, found within 3 values"
    )
    show(title, header, rows, markdown=arguments.markdown)
    return [
        sentence
        for run, one in zip(runs[2:-1], scores[2:-1], strict=True)
        for sentence in _worse(run, one, ours, scores[0])
    ]


def _columns(one: Score) -> tuple[float | str, ...]:
    return one.precision, one.recall, one.f1, rate(one.alerted), rate(one.false_changes)


def _worse(run: Timed, theirs: Score, ours_s: float, ours: Score) -> list[str]:
    times = run.series_s / ours_s
    missed = [f"{times:.0f} times faster than {run.name}, not {SPEEDUP_LIMIT}."] if times < SPEEDUP_LIMIT else []
    return missed + ([f"F1 {ours.f1:.2f} against {theirs.f1:.2f} of {run.name}."] if ours.f1 < theirs.f1 else [])


def _ours(values: NDArray[np.float64]) -> Timed:
    series, best = as_series(values), np.inf
    find_trends(series[:10])
    for _ in range(RUNS):
        begin = time.process_time()
        trends = find_trends(series)
        best = min(best, time.process_time() - begin)
    return Timed("perftracker-ai", _positions(trends), best / len(series))


def _positions(trends: Sequence[Trend]) -> list[list[int]]:
    return [[change.index for change in trend.changes] for trend in trends]


def _textbook(values: NDArray[np.float64]) -> Timed:
    begin = time.process_time()
    found = [textbook_changes(row) for row in values]
    return Timed("exact partition, 10 log n", found, (time.process_time() - begin) / len(values))


def _otava(values: NDArray[np.float64], python: Path) -> list[Timed]:
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.npy"
        np.save(file, values)
        for name, options in OTAVA_VARIANTS.items():
            command = [python, "-c", OTAVA_SCRIPT, file, json.dumps(options)]
            seconds, found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            runs.append(Timed(name, found, seconds))
    return runs


def _environment(folder: Path) -> Path:
    """Return the Python of an environment with otava in it, made where there is none."""
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if (
        python.exists()
        and not subprocess.run([python, "-c", "import otava"], check=False, capture_output=True).returncode
    ):
        return python
    print(f"Installing {OTAVA} into {folder} ...", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", OTAVA], check=True)
    return python


# ── quiet series ────────────────────────────────────────────────────────────────────────────────────────────────────


def _quiet_series(arguments: argparse.Namespace) -> list[str]:
    rng = np.random.default_rng(arguments.seed + 1)
    count = 1000 if arguments.quick else 5000
    plan = [(kind, POINTS) for kind in NOISES] + [(MIXED, points) for points in (12, 20, 30, 60, 100, 400)]
    told = [(kind, points, find_trends(as_series(quiet(kind, count, points, rng)))) for kind, points in plan]
    header = ("noise", "values", "false changes", "changed", "drifting", "flaky", "bimodal")
    states = (TrendState.CHANGED, TrendState.DRIFTING, TrendState.FLAKY, TrendState.BIMODAL)
    rows = [
        (kind.name, points, rate(_false(trends)), *(rate(_share(trends, state)) for state in states))
        for kind, points, trends in told
    ]
    show(f"{count} quiet series of each kind, per thousand", header, rows, markdown=arguments.markdown)
    return [
        f"{_false(trends):.1f} false changes per 1000 series ({kind.name}, {points} values), not {FALSE_LIMIT:.0f}."
        for kind, points, trends in told
        if kind.name in PROMISED and _false(trends) > FALSE_LIMIT
    ]


def _false(trends: Sequence[Trend]) -> float:
    return 1000 * sum(len(trend.changes) for trend in trends) / len(trends)


def _share(trends: Sequence[Trend], state: TrendState) -> float:
    return 1000 * sum(trend.state is state for trend in trends) / len(trends)


# ── nights added ────────────────────────────────────────────────────────────────────────────────────────────────────


def _added_nights(arguments: argparse.Namespace) -> list[str]:
    rng = np.random.default_rng(arguments.seed + 4)
    found = {
        kind.name: kept(*labelled(kind, 100 if arguments.quick else 500, POINTS, rng)) for kind in (CALM_NIGHTS, MIXED)
    }
    rows = [(name, one.asked, one.lost, one.series) for name, one in found.items()]
    header = ("noise", "sure changes, three nights later", "not found again", "series")
    show("What is taken back as quiet nights are added", header, rows, markdown=arguments.markdown)
    return [
        f"{one.lost} of {one.asked} sure changes were lost as nights were added ({name})."
        for name, one in found.items()
        if one.lost > LOST_LIMIT * one.asked
    ]


# ── states ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _states(arguments: argparse.Namespace) -> None:
    rng = np.random.default_rng(arguments.seed + 2)
    rows = []
    for name, shape in _shapes(100 if arguments.quick else 500, rng).items():
        trends = find_trends(as_series(np.exp(shape + noise(CALM, len(shape), POINTS, rng))))
        states = [f"{sum(trend.state is state for trend in trends) / len(trends):.2f}" for state in TrendState]
        rows.append((name, *states, sum(len(trend.changes) for trend in trends) / len(trends)))
    header = ("3 % noise, correlation 0 to 0.4, and", *(str(state) for state in TrendState), "changes/series")
    show("What other shapes are told as, shares", header, rows, markdown=arguments.markdown)


def _shapes(count: int, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Return what is added to the noise, by name."""
    along, flat = np.linspace(0, 1, POINTS), np.zeros((count, POINTS))
    chance = rng.random((count, POINTS))
    shapes = {f"a drift of {total:.0%}": flat + np.log1p(total) * along for total in (0.05, 0.10, 0.20, 0.40)}
    shapes |= {f"every value by chance {share:.0%} 30 % higher": 0.26 * (chance < share) for share in (0.5, 0.15, 0.1)}
    for stay in (5, 10, 20, 40):
        shapes[f"two levels 40 % apart, {stay} values each time"] = 0.34 * (np.cumsum(chance < 1 / stay, axis=1) % 2)
    shapes["a step of 10 %"] = flat + 0.095 * (along > 0.5)
    shapes["a regression of 25 % that recovered"] = flat + 0.22 * ((along > 0.4) & (along < 0.65))
    shapes["a random walk of 1 % a job"] = np.cumsum(rng.normal(0, 0.01, (count, POINTS)), axis=1)
    return shapes


# ── onsets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _onsets(arguments: argparse.Namespace) -> list[str]:
    """Ask with which job regressions came in, with a few jobs between the compared ones and with many."""
    rng, part = np.random.default_rng(arguments.seed + 3), 5 if arguments.quick else 1
    places = ((0, 4), (20, 4), (20, 15))
    asked = {
        (kind.name, f"{step:.0%}", before, between): list(of_levels(kind, before, between, step, 1000 // part, rng))
        for kind in NIGHTS
        for step in (0.05, 0.10, 0.15, 0.30)
        for before, between in places
    }
    asked |= {
        ("whole comparisons", f"{step:.0%}", 20, 4): list(of_comparisons(20, 4, step, 200 // part, rng))
        for step in (0.10, 0.15, 0.30)
    }
    header = (
        "noise",
        "slower by",
        "jobs before",
        "between",
        "asked",
        "interval holds",
        "exact",
        "within 1",
        "jobs in it",
    )
    rows = [(*key, len(answers), *_scores(answers)) for key, answers in asked.items()]
    show("With which job a regression came in, shares", header, rows, markdown=arguments.markdown)
    return [
        f"the interval of the first bad job held it in {held:.2f} of cases ({', '.join(map(str, key))})."
        for key, answers in asked.items()
        if (held := _scores(answers)[0]) < HELD_LIMIT
    ]


def _scores(answers: Sequence[Answer]) -> tuple[float, float, float, float]:
    truth, first, earliest, latest = np.array(answers).T
    held, apart = (earliest <= truth) & (truth <= latest), np.abs(first - truth)
    return tuple(float(one.mean()) for one in (held, apart == 0, apart <= 1, latest - earliest + 1))


if __name__ == "__main__":
    sys.exit(main())
