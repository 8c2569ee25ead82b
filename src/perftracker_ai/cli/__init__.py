"""Arguments in, output and exit code out: the only package that prints.

Imports are late on purpose: ``--help`` must not pay for NumPy.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from perftracker_ai.cli.options import flags, parse, parser
from perftracker_ai.cli.streams import flushed, mend_streams, show, tell, tell_error
from perftracker_ai.errors import PerfTrackerAIError, UsageError, guarded

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Mapping, Sequence

    from perftracker_ai.cli.console import Console
    from perftracker_ai.cli.outcome import Outcome
    from perftracker_ai.commands.access import Options
    from perftracker_ai.commands.analyze import Run
    from perftracker_ai.commands.batch import Products
    from perftracker_ai.commands.fetch import Fetched, Target
    from perftracker_ai.commands.workers import Asked
    from perftracker_ai.model import JobInfo
    from perftracker_ai.settings import Settings
    from perftracker_ai.sources import Source
    from perftracker_ai.store import IssueRow

T = TypeVar("T")

DONE, GATED, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""
_INTERRUPTED = "interrupted; nothing half-written was left"


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
    code = code if flushed() else max(code, FAILED)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # all is done and told: Ctrl-C ends what is left without a word
    return code


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
    arguments = None
    try:
        with guarded("The run"):
            arguments = parse(sys.argv[1:] if argv is None else argv)
            return _run(arguments)
    except PerfTrackerAIError as error:
        tell_error(error, trace=getattr(arguments, "verbose", False))
        return error.exit_code
    except KeyboardInterrupt:
        tell(_INTERRUPTED)
        return INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    if arguments.version:
        from importlib.metadata import version

        show(f"perftracker-ai {version('perftracker-ai')}")
        return DONE
    if arguments.command is None:
        parser().print_help()
        return FAILED
    return _COMMANDS[arguments.command](arguments)


def _settings(arguments: argparse.Namespace, more: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in force, with some that are given besides."""
    from perftracker_ai.config import load

    return load({**flags(arguments), **(more or {})}, os.environ, directory=_here(), file=_named_file(arguments))


def _asked(arguments: argparse.Namespace) -> Asked:
    from perftracker_ai.commands.workers import asked

    return asked(flags(arguments), _named_file(arguments))


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError("The working directory is not there any more", "change to one that is") from error


def _named_file(arguments: argparse.Namespace) -> Path | None:
    return Path(arguments.config) if getattr(arguments, "config", None) else None


def _open(settings: Settings, console: Console) -> Source:
    from perftracker_ai.commands.fetch import connect
    from perftracker_ai.events import Step
    from perftracker_ai.model import Insecure

    source = connect(settings, lambda text: console(Step(text)))
    if settings.insecure and settings.url.lower().startswith("https://"):
        console(Insecure(server=source.location))
    return source


def _console(arguments: argparse.Namespace) -> Console:
    from perftracker_ai.cli.console import Console

    return Console(quiet=arguments.quiet, verbose=arguments.verbose)


def _analyze(arguments: argparse.Namespace) -> int:
    settings, console = _settings(arguments), _console(arguments)
    if arguments.jobs:
        return _analyze_pair(arguments, settings, console)
    if not arguments.product and not arguments.all_products:
        raise UsageError("Nothing to compare: give --product NAME, --all-products, two job ids, or two job files.")
    if arguments.product and arguments.all_products:
        raise UsageError("Give either --product or --all-products, not both.")
    for option, named in (("--rerun", arguments.rerun), ("--candidate-rerun", arguments.candidate_rerun)):
        if named:
            raise UsageError(f"{option} goes with two named jobs", "with --product, reruns are found by discovery")
    with closing(_open(settings, console)) as source:
        if arguments.all_products:
            return _analyze_all(source, settings, console, arguments)
        return _analyze_products(arguments.product, source, settings, console, arguments)


def _analyze_all(source: Source, settings: Settings, console: Console, arguments: argparse.Namespace) -> int:
    """Judge every product of the project that has two jobs to compare, naming the others."""
    from perftracker_ai.cli.console import show_left_out
    from perftracker_ai.commands.batch import all_products
    from perftracker_ai.events import Step

    console(Step(f"Looking for products in {source.location}"))
    products = all_products(source, settings)
    show_left_out(products.others)
    return _analyze_products(products.usable, source, settings, console, arguments, products)


def _analyze_products(
    names: Sequence[str],
    source: Source,
    settings: Settings,
    console: Console,
    arguments: argparse.Namespace,
    known: Products | None = None,
) -> int:
    """Judge one product after the other; of a run that is ended on the way, those judged so far are concluded."""
    from perftracker_ai.cli.outcome import conclude, interrupted
    from perftracker_ai.commands.analyze import require_outputs
    from perftracker_ai.commands.narrate import is_asked
    from perftracker_ai.commands.workers import at_once

    require_outputs(settings, console)
    targets, listing = _targets(
        list(dict.fromkeys(names)), source, settings, known, all_hardware=getattr(arguments, "all_hardware", False)
    )
    outcomes: list[Outcome] = []
    work = (source, targets, settings, console, listing)
    together = at_once(len(targets), settings, waits=is_asked(settings))
    each = _judged_at_once(*work, arguments) if together else _judged_in_turn(*work, arguments)
    try:
        with closing(each):
            outcomes.extend(each)
    except KeyboardInterrupt:
        if len(targets) == 1:
            raise
        tell(_INTERRUPTED)
        outcomes += interrupted(targets[len(outcomes) :])
    finally:
        console.close()
    others = known.others if known else ()
    return conclude(outcomes, settings, console, as_json=arguments.json, browser=arguments.open, others=others)


def _targets(
    products: Sequence[str], source: Source, settings: Settings, known: Products | None, *, all_hardware: bool
) -> tuple[Sequence[Target], Sequence[JobInfo] | None]:
    """Give what is to be compared, each hardware by itself where that is asked for, and the jobs as far as listed."""
    from perftracker_ai.cli.console import show_alone
    from perftracker_ai.commands.batch import all_groups
    from perftracker_ai.commands.fetch import Target

    listing = known and known.listing
    if not all_hardware:
        return [Target(product) for product in products], listing

    groups = all_groups(source, products, settings, listing)
    show_alone([f"{target.name}, newest {job.version}, job {job.id}" for target, job in groups.others])
    return groups.usable, groups.listing


def _judged_in_turn(
    source: Source,
    targets: Sequence[Target],
    settings: Settings,
    console: Console,
    listing: Sequence[JobInfo] | None,
    arguments: argparse.Namespace,
) -> Generator[Outcome]:
    """Judge one product after the other, in this process."""
    from perftracker_ai.commands.batch import fetching

    alone = len(targets) == 1
    with fetching(source, targets, settings, console, listing) as each:
        for target, fetched in zip(targets, each, strict=True):
            judge = partial(_of_fetched, fetched, settings, console)
            yield _judged(target, judge, source.location, settings, console, as_json=arguments.json, alone=alone)


def _judged_at_once(
    source: Source,
    targets: Sequence[Target],
    settings: Settings,
    console: Console,
    listing: Sequence[JobInfo] | None,
    arguments: argparse.Namespace,
) -> Generator[Outcome]:
    """Judge several products at the same time, and hand them on in their order."""
    from perftracker_ai.commands.fleet import judging, received
    from perftracker_ai.events import Chosen, Step

    said = _asked(arguments)
    with closing(judging(said, source, targets, settings, listing, lambda text: console(Step(text)))) as each:
        for target, (selection, sent) in zip(targets, each, strict=True):
            console.close()
            if selection is not None:
                console(Chosen(selection))
            for notice in sent.notices:
                console(notice)
            judge = partial(received, sent, settings)
            yield _judged(target, judge, source.location, settings, console, as_json=arguments.json, alone=False)


def _of_fetched(fetched: Fetched | PerfTrackerAIError, settings: Settings, console: Console) -> Run:
    from perftracker_ai.commands.analyze import judge_product

    if isinstance(fetched, PerfTrackerAIError):
        raise fetched
    return judge_product(fetched, settings, console)


def _judged(  # noqa: PLR0913 - a run's surroundings
    target: Target,
    judge: Callable[[], Run],
    location: str,
    settings: Settings,
    console: Console,
    *,
    as_json: bool,
    alone: bool,
) -> Outcome:
    """Judge a product and hand its run on; what hinders it is told, and stands in its outcome."""
    from perftracker_ai.cli.outcome import unjudged

    console.close()
    try:
        with guarded(f"Judging {target.name}"):
            run = judge()
    except PerfTrackerAIError as error:
        return unjudged(target, error, console)
    finally:
        console.close()
    return _deliver(run, location, settings, console, as_json=as_json, hardware=target.hardware, alone=alone)


def _deliver(  # noqa: PLR0913 - a run's surroundings
    run: Run, location: str, settings: Settings, console: Console, *, as_json: bool, hardware: str, alone: bool
) -> Outcome:
    """Show a run and hand it on to who else gets it, one's trouble not keeping the others from getting it."""
    from perftracker_ai.cli.console import show_published, show_run, show_told
    from perftracker_ai.cli.outcome import judged
    from perftracker_ai.commands.deliver import notify_run, publish_run

    if run.prompt:
        show(run.prompt.rstrip())
        return judged(run, hardware=hardware, alone=alone)
    errors: list[PerfTrackerAIError] = []
    tried = partial(_tried, run.product, errors, console)
    if not as_json:
        tried(lambda: show_run(run))
    published = tried(lambda: publish_run(run, settings, console)) if settings.upload else None
    told = tried(lambda: notify_run(run, published, location, settings, console)) if settings.notify else None
    if published and not as_json:
        show_published(published)
    if told and not as_json:
        show_told(told)
    return judged(run, published, told, errors, hardware=hardware, alone=alone)


def _tried(product: str, errors: list[PerfTrackerAIError], console: Console, act: Callable[[], T]) -> T | None:
    """Do something that may fail without ending the run; an error is told and noted."""
    try:
        with guarded(f"Handing on the results of {product}"):
            return act()
    except PerfTrackerAIError as error:
        console.error(error)
        errors.append(error)
        return None


def _each(products: Sequence[str], treat: Callable[[str], int], *, trace: bool) -> int:
    """Treat every product, one's trouble not keeping the others from being treated; the worst exit code stands."""
    worst = DONE
    for product in dict.fromkeys(products):
        try:
            with guarded(f"Looking at {product}"):
                worst = max(worst, treat(product))
        except PerfTrackerAIError as error:
            tell_error(error, trace=trace)
            worst = max(worst, error.exit_code)
    return worst


def _analyze_pair(arguments: argparse.Namespace, settings: Settings, console: Console) -> int:
    from perftracker_ai.cli.outcome import conclude
    from perftracker_ai.commands.analyze import require_outputs
    from perftracker_ai.commands.fetch import Target, is_file

    if len(arguments.jobs) != 2:  # noqa: PLR2004 - a pair
        raise UsageError("A comparison takes two jobs, baseline and candidate", f"{len(arguments.jobs)} given")
    if arguments.product or arguments.all_products:
        raise UsageError("Give either --product or two jobs, not both.")
    for option, given in (("--wait", arguments.wait), ("--all-hardware", arguments.all_hardware)):
        if given:
            raise UsageError(f"{option} goes with --product", "two named jobs are compared as they are")
    require_outputs(settings, console)
    references = (*arguments.jobs, *arguments.rerun)
    source = None if all(map(is_file, references)) else _open(settings, console)
    location = source.location if source is not None else ""
    fetched = _fetched(arguments, settings, console, source)
    product = " vs ".join(arguments.jobs) if isinstance(fetched, PerfTrackerAIError) else fetched.product
    judge = partial(_of_fetched, fetched, settings, console)
    outcome = _judged(Target(product), judge, location, settings, console, as_json=arguments.json, alone=True)
    return conclude([outcome], settings, console, as_json=arguments.json, browser=arguments.open)


def _fetched(
    arguments: argparse.Namespace, settings: Settings, console: Console, source: Source | None
) -> Fetched | PerfTrackerAIError:
    """Get two named jobs, or what hindered it: it stands in JSON and JUnit, as it does for products."""
    from perftracker_ai.commands.fetch import fetch_named

    try:
        with guarded("Getting the two jobs"):
            return fetch_named(arguments.jobs, arguments.rerun, settings, console, source, arguments.candidate_rerun)
    except PerfTrackerAIError as error:
        return error
    finally:
        console.close()
        if source is not None:
            source.close()


def _report(arguments: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from perftracker_ai.cli.outcome import conclude
    from perftracker_ai.commands.analyze import report_again

    settings = replace(_settings(arguments), upload=False, notify=False)
    console = _console(arguments)
    try:
        run = report_again(Path(arguments.result), settings, console)
    finally:
        console.close()
    outcome = _deliver(run, "", settings, console, as_json=arguments.json, hardware="", alone=True)
    return conclude([outcome], settings, console, as_json=arguments.json, browser=arguments.open)


def _jobs(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.console import show_selection
    from perftracker_ai.commands.fetch import select, skipped_notices

    settings, console = _settings(arguments), _console(arguments)

    def look(product: str) -> int:
        try:
            selection = select(source, product, settings)
        finally:  # what was left out may be why there is nothing to show
            for notice in skipped_notices(source):
                console(notice)
        show_selection(selection)
        return DONE if selection.pair else FAILED

    with closing(_open(settings, console)) as source:
        return _each(arguments.product, look, trace=arguments.verbose)


def _doctor(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.console import show_checks
    from perftracker_ai.commands.doctor import examine

    checks = examine(_settings(arguments), arguments.product or [])
    show_checks(checks)
    return DONE if all(check.passed for check in checks) else FAILED


def _history(arguments: argparse.Namespace) -> int:
    every = arguments.action == "sync" and arguments.all_products
    if arguments.action != "products" and not arguments.product and not every:
        others = " or --all-products" if arguments.action == "sync" else ""
        raise UsageError(
            "No product is given", f"give --product{others}; `perftracker-ai history products` lists what is stored"
        )
    return _HISTORY_ACTIONS[arguments.action](arguments)


def _history_sync(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.history import show_synchronised
    from perftracker_ai.commands.history import downloading_apart, synchronise_product
    from perftracker_ai.commands.workers import at_once

    if arguments.curve or arguments.hardware or arguments.json:
        raise UsageError("--curve, --hardware and --json go with `history trends`", "sync takes whole jobs")
    if arguments.product and arguments.all_products:
        raise UsageError("Give either --product or --all-products, not both.")
    settings, console = _settings(arguments), _console(arguments)
    products = list(dict.fromkeys(arguments.product or ())) or _all_products(settings, console)
    if at_once(len(products), settings):
        return _sync_at_once(products, settings, console, arguments)

    def sync(product: str) -> int:
        try:
            store, done = synchronise_product(source, product, arguments.since, settings, scratch, console)
        finally:
            console.close()
        show_synchronised(product, store, done)
        return DONE

    with downloading_apart(settings) as apart, closing(_open(apart, console)) as source:
        scratch = Path(apart.output_dir)
        return _each(products, sync, trace=arguments.verbose)


def _all_products(settings: Settings, console: Console) -> list[str]:
    """Name every product of the project."""
    from perftracker_ai.commands.fetch import products_of

    with closing(_open(settings, console)) as source:
        return products_of(source, settings)


def _sync_at_once(products: Sequence[str], settings: Settings, console: Console, arguments: argparse.Namespace) -> int:
    """Synchronise several products at the same time, and say of each what came of it in the order they were given."""
    from perftracker_ai.cli.history import show_synchronised
    from perftracker_ai.commands.history import synchronise_products
    from perftracker_ai.events import Step

    worst, said = DONE, _asked(arguments)
    with closing(synchronise_products(products, arguments.since, settings, said, lambda s: console(Step(s)))) as each:
        for product, done in each:
            console.close()
            if isinstance(done, PerfTrackerAIError):
                tell_error(done, trace=arguments.verbose)
                worst = max(worst, done.exit_code)
                continue
            for notice in done.notices:
                console(notice)
            show_synchronised(product, done.store, done.done)
    console.close()
    return worst


def _history_judge(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.history import show_judged
    from perftracker_ai.commands.judge import judge_past

    if arguments.curve or arguments.json:
        raise UsageError("--curve and --json go with `history trends`", "judge takes whole jobs")
    settings, console = _settings(arguments), _console(arguments)

    def judge(product: str) -> int:
        try:
            done = judge_past(product, arguments.since, settings, console)
        finally:
            console.close()
        show_judged(product, done)
        return DONE

    return _each(arguments.product, judge, trace=arguments.verbose)


def _history_products(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.history import show_stored
    from perftracker_ai.commands.history import stored

    show_stored(*stored(_settings(arguments)))
    return DONE


def _history_trends(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.history import past_json, show_past
    from perftracker_ai.commands.history import look_back

    settings, pasts = _settings(arguments), []

    def look(product: str) -> int:
        pasts.append(look_back(product, arguments.since, arguments.curve, settings))
        if not arguments.json:
            show_past(pasts[-1])
        return DONE

    worst = _each(arguments.product, look, trace=arguments.verbose)
    if arguments.json:
        show(past_json(pasts))
    return worst


def _issues(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.issues import issues_json, show_issues
    from perftracker_ai.commands.issues import list_issues

    settings = _settings(arguments)
    found: list[tuple[str, tuple[IssueRow, ...]]] = []

    def look(product: str) -> int:
        found.append((product, list_issues(product, settings)))
        if not arguments.json:
            show_issues(*found[-1])
        return DONE

    worst = _each(arguments.product, look, trace=arguments.verbose)
    if arguments.json:
        show(issues_json(found))
    return worst


def _backtest(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.backtest import require_all_judged, show_backtest, variants_of
    from perftracker_ai.commands.backtest import Wanted, kinds_of, run_backtest

    settings, console = _settings(arguments), _console(arguments)

    def look(product: str) -> int:
        wanted = Wanted(
            product=product,
            kinds=kinds_of(arguments.pairs),
            first=arguments.first,
            last=arguments.last,
            variants=variants_of(arguments.variants, product, settings, partial(_settings, arguments)),
            said=_asked(arguments),
        )
        try:
            done = run_backtest(wanted, settings, console)
        finally:
            console.close()
        show_backtest(done, as_json=arguments.json, browser=arguments.open)
        require_all_judged(done.past)
        return DONE

    return _each(arguments.product, look, trace=arguments.verbose)


def _index(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.issues import show_indexed
    from perftracker_ai.commands.issues import index_reports

    settings, console = _settings(arguments), _console(arguments)
    try:
        done = index_reports(Path(arguments.reports), settings, console)
    finally:
        console.close()
    show_indexed(done)
    return DONE if done.recorded or done.known else FAILED


def _serve(arguments: argparse.Namespace) -> int:
    from perftracker_ai.commands.serve import serve, serve_demo

    console = _console(arguments)
    started, settings = partial(_serving, console, browser=arguments.open), _settings(arguments)
    try:
        if arguments.demo:
            serve_demo(settings, _access(arguments), started, console)
        else:
            serve(settings, _access(arguments), started)
    finally:
        console.close()
    return DONE


def _access(arguments: argparse.Namespace) -> Options:
    from perftracker_ai.commands.access import Options

    return Options(
        listen=arguments.listen,
        write_as=arguments.write_as,
        token_env=arguments.token_env,
        token=os.environ.get(arguments.token_env, "") if arguments.token_env else "",
        user_header=arguments.trust_user_header,
        proxies=tuple(arguments.proxy),
        hosts=tuple(arguments.host),
        prefix=arguments.prefix,
        accept_into=arguments.accept_into,
    )


def _serving(console: Console, address: str, place: str, *, browser: bool) -> None:
    """Say where the dashboard is, and open it when that is wanted; whoever started it in a script reads it at once."""
    console.close()
    show(f"{address} shows {place}; end it with Ctrl-C.")
    sys.stdout.flush()
    if browser:
        import webbrowser
        from threading import Timer

        Timer(0.5, webbrowser.open, [address]).start()  # once it answers


def _accept(arguments: argparse.Namespace) -> int:
    from perftracker_ai.commands.accept import accept_finding
    from perftracker_ai.config import FILE_NAME, find

    file = _named_file(arguments) or find(_here()) or Path(FILE_NAME)
    given = {"reason": arguments.reason, "until": arguments.until}
    show(accept_finding(Path(arguments.result), arguments.finding, file=file, **given).rstrip("\n"))
    tell(f"written to {file}")
    return DONE


def _config(arguments: argparse.Namespace) -> int:
    return _CONFIG_ACTIONS[arguments.action](arguments)


def _config_show(arguments: argparse.Namespace) -> int:
    from perftracker_ai.config import explain

    show("\n".join(explain(flags(arguments), os.environ, directory=_here(), file=_named_file(arguments))))
    return DONE


def _config_init(arguments: argparse.Namespace) -> int:
    from perftracker_ai.config import FILE_NAME
    from perftracker_ai.config.file import create

    file = _named_file(arguments) or Path(FILE_NAME)
    create(file)
    show(f"{file} written; every line in it is off.")
    return DONE


def _config_check(arguments: argparse.Namespace) -> int:
    from perftracker_ai.config import find

    file = _named_file(arguments) or find(_here())
    _settings(arguments)
    show(f"{file} is fine." if file else "There is no perftracker-ai.toml here or above; the defaults are in force.")
    return DONE


def _demo(arguments: argparse.Namespace) -> int:
    from importlib.resources import as_file, files

    from msgspec.structs import replace

    settings, console = _settings(arguments), _console(arguments)
    with as_file(files("perftracker_ai") / "examples") as folder:
        settings = replace(settings, url=str(folder), project=0, upload=False, notify=False, history=False)
        with closing(_open(settings, console)) as source:
            return _analyze_products(["LAB"], source, settings, console, arguments)


def _completion(arguments: argparse.Namespace) -> int:
    from perftracker_ai.cli.manual import completion

    show(completion(parser(), arguments.shell).rstrip("\n"))
    return DONE


_CONFIG_ACTIONS = {"show": _config_show, "init": _config_init, "check": _config_check}

_HISTORY_ACTIONS = {
    "sync": _history_sync,
    "judge": _history_judge,
    "trends": _history_trends,
    "products": _history_products,
}

_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "analyze": _analyze,
    "report": _report,
    "jobs": _jobs,
    "doctor": _doctor,
    "demo": _demo,
    "accept": _accept,
    "history": _history,
    "issues": _issues,
    "index": _index,
    "backtest": _backtest,
    "serve": _serve,
    "config": _config,
    "completion": _completion,
}
