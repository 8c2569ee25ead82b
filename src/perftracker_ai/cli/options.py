"""The command line's grammar: commands, options, and what ``--help`` teaches."""

from __future__ import annotations

import argparse
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from perftracker_ai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_EPILOG = """\
exit codes:
  0    done; regressions do not change it unless --fail-on says so
  1    done, and the gate of --fail-on was reached
  2    could not judge: usage, server, data, or nothing comparable
  130  interrupted

Settings come from the command line, then PERFTRACKER_AI_* variables, then perftracker-ai.toml (searched upwards from
here), then the defaults shown.
"""

_ANALYZE = """\
Compare two jobs and write the report. Without jobs, the newest two comparable versions of --product are found: same
hardware, same suite, no local runs. With two job ids or two job files, exactly these are compared.

A regression is a range of loads that is at least 15 % slower (detect.moderate) than chance explains, after what the
whole run shares is taken out; 50 % is severe, 100 % critical. From 5 % on it is listed as minor. At most 5 % of what is
listed is expected to be chance (detect.fdr).
"""


_AGAIN = """\
Write the report again beside the results it is made from. A language model's answer that lies there is used again; with
another --model, or when there is none, the model is asked. The jobs and the server are not needed.
"""


_ACCEPT = """\
Write the entry that accepts a regression to the settings file, and print it. From then on it is shown as accepted and
does not count for verdict, --fail-on or JUnit, until its date is past, or until it is clearly larger (by
detect.moderate) or at clearly other loads than it is now.
"""

_HISTORY = """\
sync: bring the store of past jobs to what the server or folder has; it may be interrupted and begun again, and asks for
nothing it has. judge: judge the nights of the store that `analyze` did not, each with what was known by then; no server
is needed. trends: say from the store when each endpoint became slower or faster, what creeps, what became noisy; no
server is needed. products: list what the store has.

A change needs five jobs at its new level: `analyze` is there for the newest ones.
"""

_ISSUES = """\
Say from the store which regressions are open: found by a comparison, or by the history, and still there. One stays open
while jobs are on the slower level, whatever they are compared with, is closed by the job that is back on the level of
before, and is opened again when it returns.
"""

_INDEX = """\
Fill the store with earlier comparisons: every result_v2.json in a folder of reports, oldest candidate first. They are
taken to be of the server or folder of --url. What the store has stays as it is; doing it twice is as good as once.
"""

_SERVE = """\
Show what is in the store, or in the folder of reports where there is none, as pages in a browser: every product with
its verdicts, every open issue with the job it came in with, the endpoints job by job, every report. Nothing can be
changed there, and only this machine is answered, unless options say how it knows who asks.
Needs `pip install "perftracker-ai[web]"`.
"""

_BACKTEST = """\
Judge a product's past again, every night with what was known then, and say how far its verdicts can be trusted: how
often it would have cried wolf where nothing had changed, which issues went away by themselves, and which changes, put
into jobs of one version, would have been found. With --set, the same for other settings side by side.

The jobs are those of the store (see `history sync`), else they are read from where they come from. An interrupted run
goes on where it was when it is started again.
"""

_COMPLETION = """\
Print the completion of commands and options for a shell.

  bash: perftracker-ai completion bash > ~/.local/share/bash-completion/completions/perftracker-ai
  zsh:  perftracker-ai completion zsh > a file _perftracker-ai in a folder of $fpath
  fish: perftracker-ai completion fish > ~/.config/fish/completions/perftracker-ai.fish
"""

_STORE = "file or postgresql://user@host/database of past jobs (default: history.sqlite3 in --output-dir{})"

_CONFIG = """\
show: every setting in force, with where it comes from. init: write a perftracker-ai.toml to start from. check: read the
settings file and say what is wrong with it, or that nothing is.
"""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are sentences of ours, with the option that was probably meant."""

    given: Sequence[str] = ()

    def parse_known_args(  # type: ignore[override] # of three overloads in the stubs one is used
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        self.given = args or ()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        meant = _meant(self, self.given)
        cure = f"did you mean {meant}? See {self.prog} --help" if meant else f"see {self.prog} --help"
        raise UsageError(f"{message[:1].upper()}{message[1:]}", cure)


def _meant(grammar: argparse.ArgumentParser, given: Sequence[str]) -> str:
    """Return the option that is nearest to the first one that does not exist; empty when all do, or none is near."""
    from difflib import get_close_matches

    commands = (action.choices for action in grammar._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001 - argparse offers no other way to what it was told
    within = next(iter(commands), {})
    asked = next((word for word in given if word in within), "")
    chosen = (grammar, within[asked]) if asked else (grammar,)
    known = [text for one in chosen for action in one._actions for text in action.option_strings]  # noqa: SLF001 - the same
    names = (word.partition("=")[0] for word in given if word.startswith("--"))
    strange = next((name for name in names if name not in known), "")
    return next(iter(get_close_matches(strange, known, n=1)), "")


@cache
def parser() -> argparse.ArgumentParser:
    """Build the whole grammar, once."""
    top = _Parser(
        prog="perftracker-ai",
        description="Find, explain and report performance regressions between two PerfTracker jobs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    _analyze(_command(commands, "analyze", "compare two jobs and write the report", _ANALYZE))
    _jobs(_command(commands, "jobs", "show what discovery sees, and which pair it would take"))
    _report(_command(commands, "report", "write the report again from saved results, without jobs or server", _AGAIN))
    _history(_command(commands, "history", "synchronise past jobs; show when a change came in", _HISTORY))
    _issues(_command(commands, "issues", "list the regressions that are open, and since when", _ISSUES))
    _backtest(_command(commands, "backtest", "judge the past again: how far to trust the verdicts", _BACKTEST))
    _index(_command(commands, "index", "fill the store with the results of earlier comparisons", _INDEX))
    _accept(_command(commands, "accept", "accept a known regression until a date", _ACCEPT))
    _serve(_command(commands, "serve", "show the dashboard: every product, every open issue, job by job", _SERVE))
    _config(_command(commands, "config", "show, begin or check the settings", _CONFIG))
    _doctor(
        _command(
            commands,
            "doctor",
            "check server, TLS, project, product, folders, store and language model; every problem with its cure",
        )
    )
    _completion(
        _command(commands, "completion", "print the completion of commands and options for a shell", _COMPLETION)
    )
    demo = _command(commands, "demo", "run the whole job on the three measured jobs that come with the tool")
    _outputs(demo)
    _showing(demo)
    _words(demo)
    _talk(demo)
    return top


def _command(
    commands: argparse._SubParsersAction[_Parser], name: str, text: str, description: str = ""
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=text,
        description=description or f"{text[:1].upper()}{text[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _analyze(command: argparse.ArgumentParser) -> None:
    command.add_argument("jobs", nargs="*", metavar="BASELINE CANDIDATE", help="two job ids, or two job files")
    _product(command)
    command.add_argument(
        "--all-products",
        action="store_true",
        help="every product of the project that has two jobs to compare (default: those of --product)",
    )
    command.add_argument(
        "--rerun",
        action="append",
        default=[],
        metavar="FILE_OR_ID",
        help="with two named jobs: a further run of the baseline's version, to learn the noise from; may be given "
        "several times (default: none)",
    )
    command.add_argument(
        "--candidate-rerun",
        action="append",
        default=[],
        metavar="FILE_OR_ID",
        help="with two named jobs: a further run of the candidate's version, to tell code from environment; may be "
        "given several times (default: none)",
    )
    command.add_argument(
        "--no-reruns",
        action="store_true",
        help="with --product: do not use further runs of the two versions; of each (default: up to 5 are used)",
    )
    command.add_argument(
        "--all-hardware",
        action="store_true",
        help="with --product or --all-products: compare on each hardware, and with each suite, by itself (default: "
        "where the newest candidate ran)",
    )
    command.add_argument(
        "--wait",
        type=float,
        metavar="MINUTES",
        help="with --product: wait so long at most for a newer job that is still being uploaded, as long as its upload "
        "moves (default: 0)",
    )
    _source(command)
    _fleet(command)
    _narrowing(command)
    _outputs(command)
    command.add_argument("--store", metavar="STORE", help=_STORE.format(", once `history sync` has made it"))
    command.add_argument(
        "--fail-on",
        choices=("never", "moderate", "severe", "critical", "investigate", "block"),
        metavar="GATE",
        help="exit with 1 from this severity on: moderate, severe, critical; or from this verdict on: investigate, "
        "block; with 2 where the evidence does not carry an answer (default: never)",
    )
    _publication(command)
    _showing(command)
    _words(command)
    command.add_argument(
        "--seed", type=int, metavar="NUMBER", help="seed of every random draw, also in the report (default: 20260101)"
    )
    _talk(command)


def _report(command: argparse.ArgumentParser) -> None:
    _showing(command)
    command.add_argument("result", metavar="RESULT_JSON", help="a result_v2.json that an earlier run wrote")
    command.add_argument("--config", metavar="FILE", help="settings file (default: the nearest perftracker-ai.toml)")
    _words(command)
    _talk(command)


def _accept(command: argparse.ArgumentParser) -> None:
    command.add_argument("result", metavar="RESULT_JSON", help="a result_v2.json that an earlier run wrote")
    command.add_argument("finding", metavar="FINDING", help="id of an item (C1) or of one curve (R3, M2), as reported")
    command.add_argument("--reason", required=True, metavar="TEXT", help="why it is accepted; in every report")
    command.add_argument("--until", required=True, metavar="DATE", help="last day on which it is, such as 2026-12-31")
    command.add_argument(
        "--config", metavar="FILE", help="settings file (default: the nearest perftracker-ai.toml, or a new one here)"
    )
    _trace(command)


def _history(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "action",
        choices=("sync", "judge", "trends", "products"),
        metavar="ACTION",
        help="sync, judge, trends or products",
    )
    _product(command)
    command.add_argument(
        "--since",
        type=_day,
        metavar="DATE",
        help="only jobs that ended on this day (UTC) or later (default: all that are kept; of judge the newest 30)",
    )
    command.add_argument("--store", metavar="STORE", help=_STORE.format(""))
    command.add_argument("--output-dir", metavar="DIR", help="folder for downloaded jobs (default: data)")
    command.add_argument(
        "--curve", default="", metavar="TEXT", help="trends: only curves with this in their tag (default: all)"
    )
    command.add_argument(
        "--hardware", metavar="NAME", help="trends: only jobs that ran on this host (default: that of the newest job)"
    )
    command.add_argument("--json", action="store_true", help="trends: print all of it as JSON (default: one screen)")
    command.add_argument(
        "--all-products",
        action="store_true",
        help="sync: every product of the project (default: those of --product)",
    )
    _source(command)
    _fleet(command)
    _talk(command)


def _issues(command: argparse.ArgumentParser) -> None:
    _product(command, required=True)
    _stored(command)
    command.add_argument("--hardware", metavar="NAME", help="only issues seen on this host (default: any)")
    command.add_argument("--json", action="store_true", help="print all of it as JSON (default: a few lines each)")
    _source(command)
    _talk(command)


def _backtest(command: argparse.ArgumentParser) -> None:
    _product(command, required=True)
    command.add_argument(
        "--from", dest="first", default="", metavar="WHEN", help="first night: a day, a job or a version (default: all)"
    )
    command.add_argument(
        "--to", dest="last", default="", metavar="WHEN", help="last night: a day, a job or a version (default: all)"
    )
    command.add_argument(
        "--pairs",
        choices=("consecutive", "same-version", "both"),
        default="both",
        metavar="WHICH",
        help="consecutive: what analyze would have compared each night; same-version: each job with the one before it "
        "of its version, in which nothing changed; both (default: both)",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="variants",
        metavar="KEY=VALUE",
        help="besides, with this setting of detect or policy, as detect.moderate=0.10; several with commas are one "
        "set, given several times several sets (default: only the settings as they are)",
    )
    command.add_argument("--hardware", metavar="NAME", help="only jobs on this host (default: that of the newest job)")
    _outputs(command)
    command.add_argument("--store", metavar="STORE", help=_STORE.format(""))
    command.add_argument("--json", action="store_true", help="print all of it as JSON (default: one screen)")
    command.add_argument("--open", action="store_true", help="open the page in a browser at the end")
    command.add_argument("--seed", type=int, metavar="NUMBER", help="seed of every random draw (default: 20260101)")
    _source(command)
    _fleet(command)
    _talk(command)


def _index(command: argparse.ArgumentParser) -> None:
    command.add_argument("reports", metavar="REPORTS_DIR", help="folder of reports, as --reports-dir names it")
    _stored(command)
    _source(command)
    _talk(command)


def _stored(command: argparse.ArgumentParser) -> None:
    command.add_argument("--store", metavar="STORE", help=_STORE.format(""))
    command.add_argument("--output-dir", metavar="DIR", help="folder for downloaded jobs (default: data)")


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--store", metavar="STORE", help=_STORE.format(", once `history sync` has made it"))
    command.add_argument("--reports-dir", metavar="DIR", help="folder for reports (default: reports)")
    command.add_argument("--output-dir", metavar="DIR", help="folder for downloaded jobs (default: data)")
    command.add_argument(
        "--listen",
        default="127.0.0.1:8765",
        metavar="ADDRESS",
        help="address and port; one that others reach needs --token-env or --trust-user-header; port 0 takes any "
        "(default: 127.0.0.1:8765)",
    )
    command.add_argument(
        "--write-as", default="", metavar="NAME", help="let whoever reaches the port of this machine triage, as NAME"
    )
    command.add_argument(
        "--token-env",
        default="",
        metavar="VARIABLE",
        help="ask for a login with the token that this variable holds; triagers give their name too",
    )
    command.add_argument(
        "--trust-user-header",
        default="",
        metavar="HEADER",
        help="take who asks from this header, which a proxy on this machine, or one of --proxy, sets",
    )
    command.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="NETWORK",
        help="address or network of a proxy on another machine, which is believed; may be given several times",
    )
    command.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="host name under which browsers ask, such as a proxy's; may be given several times",
    )
    command.add_argument(
        "--prefix", default="", metavar="PATH", help="path under which a proxy has the dashboard, such as /perf"
    )
    command.add_argument(
        "--accept-into",
        default="",
        metavar="FILE",
        help="settings file into which triagers may have acceptances written, as `accept` does (default: none)",
    )
    command.add_argument(
        "--demo", action="store_true", help="show 60 made-up nights of three products; no store and no server is needed"
    )
    command.add_argument("--open", action="store_true", help="open the dashboard in a browser")
    command.add_argument("--config", metavar="FILE", help="settings file (default: the nearest perftracker-ai.toml)")
    _talk(command)


def _day(text: str) -> datetime:
    """Take a day as the moment it begins."""
    from datetime import UTC, datetime

    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-12-31") from error


def _config(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=("show", "init", "check"), metavar="ACTION", help="show, init or check")
    command.add_argument(
        "--config",
        metavar="FILE",
        help="settings file (default: the nearest perftracker-ai.toml; init: a new one here)",
    )
    _trace(command)


def _completion(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish")


def _jobs(command: argparse.ArgumentParser) -> None:
    _product(command, required=True)
    _source(command)
    _narrowing(command)
    _talk(command)


def _doctor(command: argparse.ArgumentParser) -> None:
    _product(command)
    _source(command)
    _outputs(command)
    command.add_argument("--store", metavar="STORE", help=_STORE.format(""))
    _model(command)
    _talk(command)


def _product(command: argparse.ArgumentParser, *, required: bool = False) -> None:
    command.add_argument(
        "--product",
        action="append",
        type=_name,
        metavar="NAME",
        required=required,
        help="product to look for, exactly as on the server; may be given several times",
    )


def _name(text: str) -> str:
    """Take a product's name; an empty one is a shell variable that was not set."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty, and a product has a name")
    return text


def _source(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("where jobs come from")
    group.add_argument("--url", help="server address, or a folder of job files (default: http://127.0.0.1:9000)")
    group.add_argument("--project", type=int, metavar="ID", help="PerfTracker project, 0 for all (default: 1)")
    group.add_argument("--ca-bundle", metavar="FILE", help="certificates to trust (default: the operating system's)")
    group.add_argument(
        "--insecure",
        action="store_const",
        const=True,
        help="do not check the server's certificate; warns on every run (default: checked)",
    )
    group.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="how long the server may take to begin a job, which it builds first (default: 600)",
    )
    group.add_argument("--config", metavar="FILE", help="settings file (default: the nearest perftracker-ai.toml)")


def _fleet(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("who does the work")
    group.add_argument(
        "--workers", type=int, metavar="N", help="processes that work at the same time (default: 0, as many as suit)"
    )
    group.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="have a Dask cluster do it, tcp://host:8786 (default: this machine); needs `pip install "
        '"perftracker-ai[cluster]"` on all of its machines',
    )


def _narrowing(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("narrowing the discovery")
    group.add_argument("--hardware", metavar="NAME", help="only jobs that ran on this host (default: any)")
    group.add_argument(
        "--baseline-version",
        metavar="V",
        help="only this version as the baseline (default: the newest before the other)",
    )
    group.add_argument("--candidate-version", metavar="V", help="only this version as the candidate (default: newest)")


def _outputs(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("where files go")
    group.add_argument("--output-dir", metavar="DIR", help="folder for downloaded jobs (default: data)")
    group.add_argument("--reports-dir", metavar="DIR", help="folder for reports (default: reports)")


def _publication(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("who else gets the result")
    group.add_argument(
        "--upload",
        action="store_const",
        const=True,
        help="publish the report to the server, linked to the candidate job; twice is as good as once",
    )
    group.add_argument(
        "--comparison",
        action="store_const",
        const=True,
        help="with --upload, also make PerfTracker's own comparison of the two jobs, once",
    )
    group.add_argument(
        "--notify",
        action="store_const",
        const=True,
        help="tell the channels of the settings' [[notify]] entries, each from its threshold on",
    )
    group.add_argument(
        "--junit", metavar="FILE", help="write the results as JUnit XML for GitLab and Jenkins (default: none)"
    )
    group.add_argument("--csv", metavar="FILE", help="write the issues as CSV, one a line (default: none)")


def _showing(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--json",
        action="store_true",
        help="print what came of the run as JSON, and nothing else, on standard output (default: a summary)",
    )
    command.add_argument("--open", action="store_true", help="open the report in a browser at the end")


def _model(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = command.add_argument_group("language model")
    group.add_argument(
        "--llm",
        choices=("auto", "required", "off"),
        metavar="WHEN",
        help="have a model comment on the report: auto when one can be reached, required, or off (default: auto)",
    )
    group.add_argument("--model", metavar="NAME", help="model to ask (default: qwen2.5-coder:14b)")
    group.add_argument(
        "--llm-url",
        metavar="URL",
        help="its server: an Ollama, or an OpenAI-compatible one, whose address ends in /v1 (default: OLLAMA_HOST, or "
        "http://127.0.0.1:11434)",
    )
    return group


def _words(command: argparse.ArgumentParser) -> None:
    group = _model(command)
    group.add_argument(
        "--pull", action="store_const", const=True, help="have Ollama download the model first where it is missing"
    )
    group.add_argument(
        "--llm-again", action="store_const", const=True, help="ask anew where a kept answer would be used again"
    )
    group.add_argument(
        "--emit-prompt",
        action="store_const",
        const=True,
        help="print what a model would be asked; ask none and write no report",
    )


def _talk(command: argparse.ArgumentParser) -> None:
    loudness = command.add_mutually_exclusive_group()
    loudness.add_argument("--quiet", action="store_true", help="no progress; warnings and errors only")
    loudness.add_argument(
        "--verbose",
        action="store_true",
        help="also list the jobs that discovery looked at, and trace faults of the program",
    )


def _trace(command: argparse.ArgumentParser) -> None:
    command.add_argument("--verbose", action="store_true", help="trace faults of the program (default: one sentence)")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read a command line.

    Raises
    ------
    UsageError
        When it does not follow the grammar.
    """
    return parser().parse_args(argv)


def flags(arguments: argparse.Namespace) -> dict[str, object]:
    """Give the options that are settings, by settings key; None for one not given."""
    keys = {
        "url": "url",
        "project": "project",
        "output_dir": "output_dir",
        "reports_dir": "reports_dir",
        "store": "store",
        "ca_bundle": "ca_bundle",
        "insecure": "insecure",
        "timeout": "timeout_s",
        "wait": "wait_min",
        "workers": "workers",
        "scheduler": "scheduler",
        "seed": "seed",
        "fail_on": "fail_on",
        "upload": "upload",
        "comparison": "comparison",
        "junit": "junit",
        "csv": "csv",
        "notify": "notify",
        "llm": "llm",
        "model": "model",
        "llm_url": "llm_url",
        "pull": "pull",
        "llm_again": "llm_again",
        "emit_prompt": "emit_prompt",
        "hardware": "discovery.hardware",
        "baseline_version": "discovery.baseline_version",
        "candidate_version": "discovery.candidate_version",
    }
    found = {key: getattr(arguments, name, None) for name, key in keys.items()}
    if getattr(arguments, "no_reruns", False):
        found["discovery.reruns"] = 0
    return found
