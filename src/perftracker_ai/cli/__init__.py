"""Arguments in, output and exit code out: the only package that prints.

Imports are late on purpose: ``--help`` must not pay for NumPy.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from perftracker_ai.cli.options import flags, parse, parser
from perftracker_ai.cli.streams import flushed, mend_streams, show, tell, tell_error
from perftracker_ai.errors import PerfTrackerAIError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from perftracker_ai.app import Run
    from perftracker_ai.cli.console import Console
    from perftracker_ai.settings import Settings
    from perftracker_ai.sources import Source

DONE, GATED, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def program() -> int:
    """Run as a program of its own: one short run, whose values live to its end.

    Looking for cyclic garbage meanwhile costs a sixth of the run and frees nothing, so it is switched off; frozen at
    the end, what is left is not looked through on the way out either.
    """
    gc.disable()
    mend_streams()
    try:
        code = main()
    except SystemExit as end:  # how argparse leaves after --help
        code = int(end.code or DONE)
    finally:
        gc.freeze()
    return code if flushed() else max(code, FAILED)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name; those of the process when omitted.

    Returns
    -------
    int
        The exit code.
    """
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except PerfTrackerAIError as error:
        tell_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        tell("interrupted; nothing half-written was left")
        return INTERRUPTED


def _run(argv: Sequence[str]) -> int:
    arguments = parse(argv)
    if arguments.version:
        from importlib.metadata import version

        show(f"perftracker-ai {version('perftracker-ai')}")
        return DONE
    if arguments.command is None:
        parser().print_help()
        return FAILED
    return _COMMANDS[arguments.command](arguments)


def _settings(arguments: argparse.Namespace) -> Settings:
    from perftracker_ai.config import load

    file = Path(arguments.config) if getattr(arguments, "config", None) else None
    try:
        here = Path.cwd()
    except OSError as error:
        raise UsageError("The working directory is not there any more; change to one that is.") from error
    return load(flags(arguments), os.environ, directory=here, file=file)


def _open(settings: Settings, console: Console) -> Source:
    from perftracker_ai.app import connect
    from perftracker_ai.model import Notice, NoticeKind

    source = connect(settings)
    if settings.insecure and settings.url.lower().startswith("https://"):
        console.warn(Notice(kind=NoticeKind.INSECURE, values=(source.location,)))
    return source


def _console(arguments: argparse.Namespace) -> Console:
    from perftracker_ai.cli.console import Console

    return Console(quiet=arguments.quiet, verbose=arguments.verbose)


def _analyze(arguments: argparse.Namespace) -> int:
    settings, console = _settings(arguments), _console(arguments)
    if arguments.jobs:
        return _analyze_pair(arguments, settings, console)
    if not arguments.product:
        raise UsageError("Nothing to compare: give --product NAME, two job ids, or two job files.")
    if arguments.rerun:
        raise UsageError("--rerun goes with two named jobs; with --product, reruns are found by discovery.")
    with closing(_open(settings, console)) as source:
        return _analyze_products(arguments.product, source, settings, console)


def _analyze_products(products: Sequence[str], source: Source, settings: Settings, console: Console) -> int:
    """Judge one product after the other."""
    from perftracker_ai.app import analyze_product, write_junit

    runs: list[Run] = []

    def analyze(product: str) -> int:
        try:
            runs.append(analyze_product(source, product, settings, console))
        finally:
            console.close()
        return _deliver(runs[-1], settings, console)

    code = _each(products, analyze)
    if settings.junit and runs:
        write_junit(runs, Path(settings.junit))
    return code


def _deliver(run: Run, settings: Settings, console: Console) -> int:
    """Show a run and hand it on to who else gets it; give its exit code."""
    from perftracker_ai.app import publish_run
    from perftracker_ai.cli.console import show_published, show_run

    if run.prompt:
        show(run.prompt.rstrip())
        return DONE
    show_run(run)
    if settings.upload:
        show_published(publish_run(run, settings, console))
    return GATED if run.gated else DONE


def _each(products: Sequence[str], treat: Callable[[str], int]) -> int:
    """Treat every product, one's trouble not keeping the others from being treated; the worst exit code stands."""
    worst = DONE
    for product in dict.fromkeys(products):
        try:
            worst = max(worst, treat(product))
        except PerfTrackerAIError as error:
            tell_error(error)
            worst = max(worst, error.exit_code)
    return worst


def _analyze_pair(arguments: argparse.Namespace, settings: Settings, console: Console) -> int:
    from perftracker_ai.app import analyze_pair, is_file, write_junit

    if len(arguments.jobs) != 2:  # noqa: PLR2004 - a pair
        raise UsageError(f"A comparison takes two jobs, baseline and candidate; {len(arguments.jobs)} given.")
    if arguments.product:
        raise UsageError("Give either --product or two jobs, not both.")
    references = (*arguments.jobs, *arguments.rerun)
    source = None if all(map(is_file, references)) else _open(settings, console)
    try:
        run = analyze_pair(arguments.jobs, arguments.rerun, settings, console, source)
    finally:
        console.close()
        if source is not None:
            source.close()
    if settings.junit:
        write_junit([run], Path(settings.junit))
    return _deliver(run, settings, console)


def _report(arguments: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from perftracker_ai.app import report_again

    settings, console = _settings(arguments), _console(arguments)
    try:
        run = report_again(Path(arguments.result), settings, console)
    finally:
        console.close()
    return _deliver(run, replace(settings, upload=False), console)


def _jobs(arguments: argparse.Namespace) -> int:
    from perftracker_ai.app import select, skipped_notices
    from perftracker_ai.cli.console import show_selection

    settings, console = _settings(arguments), _console(arguments)

    def look(product: str) -> int:
        try:
            selection = select(source, product, settings)
        finally:  # what was left out may be why there is nothing to show
            for notice in skipped_notices(source):
                console.warn(notice)
        show_selection(selection)
        return DONE if selection.pair else FAILED

    with closing(_open(settings, console)) as source:
        return _each(arguments.product, look)


def _doctor(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.console import show_checks
    from perftracker_ai.doctor import examine

    checks = examine(_settings(arguments), arguments.product or [])
    show_checks(checks)
    return DONE if all(check.passed for check in checks) else FAILED


def _demo(arguments: argparse.Namespace) -> int:
    from importlib.resources import as_file, files

    from msgspec.structs import replace

    settings, console = _settings(arguments), _console(arguments)
    with as_file(files("perftracker_ai") / "examples") as folder:
        settings = replace(settings, url=str(folder), project=0)
        with closing(_open(settings, console)) as source:
            return _analyze_products(["LAB"], source, settings, console)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "analyze": _analyze,
    "report": _report,
    "jobs": _jobs,
    "doctor": _doctor,
    "demo": _demo,
}
