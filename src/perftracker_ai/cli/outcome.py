"""What became of each product of a run, and what is said of all of them at the end: table, JSON, files, browser."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.cli.streams import show, tell
from perftracker_ai.errors import Interrupted, PerfTrackerAIError, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from perftracker_ai.cli.console import Console
    from perftracker_ai.commands.analyze import Run
    from perftracker_ai.commands.fetch import Target
    from perftracker_ai.commands.notify import Told
    from perftracker_ai.publish import Published
    from perftracker_ai.settings import Settings

SCHEMA_VERSION = 1
"""Of the JSON; raised when a key changes its meaning or goes away."""
_DONE, _GATED = 0, 1


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one product.

    Attributes
    ----------
    hardware : str
        Hosts and suite, where the product's groups are judged one by one; empty elsewhere.
    kept : Run, bytes or None
        Its run, packed where there are several, for a hundred of them are gigabytes; None when it could not be judged.
    written : bool
        Whether the run left a report.
    judged : int
        The exit code that its run asks for.
    published : Published or None
    told : Told or None
        None when nobody was to be told.
    errors : tuple of PerfTrackerAIError
        What kept it from being judged, published or remembered.
    """

    product: str
    hardware: str
    kept: Run | bytes | None
    written: bool
    judged: int
    published: Published | None
    told: Told | None
    errors: tuple[PerfTrackerAIError, ...]

    @property
    def name(self) -> str:
        """The product, with the hardware where that tells outcomes apart."""
        return f"{self.product} on {self.hardware}" if self.hardware else self.product

    @property
    def code(self) -> int:
        """The exit code this product asks for."""
        return max([self.judged, *(error.exit_code for error in self.errors)])

    @property
    def run(self) -> Run | None:
        """The run, made anew each time; None when it could not be judged."""
        if not isinstance(self.kept, bytes):
            return self.kept
        from perftracker_ai.executors import unpacked

        run: Run = unpacked(self.kept)
        return run


class _Runs:
    """The runs of outcomes, made anew one by one as often as they are gone through."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._outcomes = outcomes

    def __len__(self) -> int:
        return len(self._outcomes)

    def __iter__(self) -> Iterator[Run]:
        runs = (outcome.run for outcome in self._outcomes)
        return (run for run in runs if run is not None)


def judged(
    run: Run,
    published: Published | None = None,
    told: Told | None = None,
    errors: Sequence[PerfTrackerAIError] = (),
    *,
    hardware: str,
    alone: bool,
) -> Outcome:
    """Say what came of a product that was judged, ``alone`` or as one of several."""
    code = PerfTrackerAIError.exit_code if run.unjudged else _GATED if run.gated else _DONE
    return Outcome(
        product=run.product,
        hardware=hardware,
        kept=run if alone else _packed(run),
        written=bool(run.written),
        judged=code,
        published=published,
        told=told,
        errors=tuple(errors),
    )


def _packed(run: Run) -> bytes:
    from perftracker_ai.executors import packed

    return packed(run)


def interrupted(targets: Sequence[Target]) -> list[Outcome]:
    """Say of products that somebody ended the run before they were judged."""
    error = Interrupted("The run was interrupted before this product was judged.")
    return [_without_run(target, error) for target in targets]


def unjudged(target: Target, error: PerfTrackerAIError, console: Console) -> Outcome:
    """Say why a product could not be judged."""
    console.error(error)
    return _without_run(target, error)


def _without_run(target: Target, error: PerfTrackerAIError) -> Outcome:
    return Outcome(
        product=target.product,
        hardware=target.hardware,
        kept=None,
        written=False,
        judged=_DONE,
        published=None,
        told=None,
        errors=(error,),
    )


def conclude(
    outcomes: Sequence[Outcome],
    settings: Settings,
    console: Console,
    *,
    as_json: bool,
    browser: bool,
    others: Sequence[str] = (),
) -> int:
    """Write and show what concerns all products together, and give the exit code: the worst.

    Parameters
    ----------
    as_json, browser : bool
        Whether standard output gets JSON and nothing else, and whether the pages are opened.
    others : sequence of str
        Products of the project that have no two jobs to compare.
    """
    runs = _Runs([outcome for outcome in outcomes if outcome.written])
    failed = [(outcome.name, str(outcome.errors[0])) for outcome in outcomes if outcome.kept is None]
    code = max([_DONE, *(outcome.code for outcome in outcomes)])
    for write in _for_ci(settings) if len(runs) or failed else ():
        code = max(code, _tried(partial(write, runs, failed), console))
    if as_json:
        show(_json(outcomes, others, code))
    elif len(outcomes) > 1:
        show(f"\n{_overview(outcomes)}")
    if browser:
        _open(runs)
    return code


def _tried(write: Callable[[], None], console: Console) -> int:
    """Write a file of all runs; what hinders it does not keep the others from being written."""
    try:
        with guarded("Writing for CI what came of all products"):
            write()
    except PerfTrackerAIError as error:
        console.error(error)
        return error.exit_code
    return _DONE


def _for_ci(settings: Settings) -> Iterator[Callable[[_Runs, list[tuple[str, str]]], None]]:
    """Yield a writer for each file of all runs that the settings name."""
    from perftracker_ai.commands.deliver import OUTPUTS, write_output, write_step_summary

    for form in OUTPUTS:
        if path := getattr(settings, form):
            yield partial(write_output, form, path=Path(path))
    if settings.step_summary:
        yield partial(write_step_summary, path=Path(settings.step_summary))


def _overview(outcomes: Sequence[Outcome]) -> str:
    from perftracker_ai.render.overview import overview, row

    analyses = ((one, run.analysis if (run := one.run) else None) for one in outcomes)
    return overview([row(one.name, analysis, "; ".join(map(str, one.errors))) for one, analysis in analyses])


def _json(outcomes: Sequence[Outcome], others: Sequence[str], code: int) -> str:
    import json

    values = {
        "schema_version": SCHEMA_VERSION,
        "exit_code": code,
        "products": [_values(outcome) for outcome in outcomes],
        "without_pair": list(others),
    }
    # The standard library's, for it escapes what UTF-8 has no bytes for, such as a file's name of another encoding.
    return json.dumps(values, indent=2)


def _values(outcome: Outcome) -> dict[str, object]:
    from perftracker_ai.render.overview import summary_values

    run, published, told = outcome.run, outcome.published, outcome.told
    return {
        "product": outcome.product,
        "hardware": outcome.hardware or None,
        "exit_code": outcome.code,
        "errors": [str(error) for error in outcome.errors],
        "result": None if run is None else {**summary_values(run.analysis), "gated": run.gated},
        "files": {path.name: str(path) for path in run.written} if run else {},
        "published": None if published is None else _addresses(published),
        "notified": None if told is None else {"reached": told.reached, "failed": told.failed, "spared": told.spared},
    }


def _addresses(published: Published) -> dict[str, object]:
    return {
        "job": published.job_address,
        "documents": {document.name: document.address for document in published.documents},
        "comparison": published.comparison_address or None,
    }


def _open(runs: Iterable[Run]) -> None:
    """Show the pages in a browser."""
    from perftracker_ai.commands.deliver import page_of

    for run in runs:
        open_page(page_of(run).absolute())


def open_page(page: Path) -> None:
    """Show a page in a browser; where there is none, that is all there is to say."""
    import webbrowser

    try:
        opened = webbrowser.open(page.as_uri())
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        tell(f"warning: no browser was found to open {page} with")
