"""The typed settings every stage may be handed; `config` fills them, nothing else does.

Ratios are ratios (0.15, never 15), durations carry their unit in the name.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads it when it reads an entry
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

Ratio = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Load = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Days = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Connections = Annotated[int, msgspec.Meta(ge=1, le=8)]
Processes = Annotated[int, msgspec.Meta(ge=0, le=256)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Pause = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Minutes = Annotated[float, msgspec.Meta(ge=0, le=1440)]
Gate = Literal["never", "moderate", "severe", "critical", "investigate", "block"]
"""From what on a run's exit code is 1, in falling strictness."""
Window = Annotated[int, msgspec.Meta(ge=2048, le=2**20)]
Model = Literal["auto", "required", "off"]
"""Whether a language model is asked when one can be reached, has to be, or is not."""
Threshold = Literal["always", "moderate", "severe", "critical", "monitoring", "investigate", "block"]
"""From what on a channel is told of a run: a regression of this severity, or this verdict or a worse one."""


class DiscoverySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs of a product may be compared.

    Attributes
    ----------
    hardware, baseline_version, candidate_version : str
        Narrow the choice when not empty; hardware is one of the host names of the group, or all joined by ``+``.
    ignored_hardware : tuple of str
        Host names whose jobs are left out.
    local_labels : tuple of str
        A job is a local run when a dot-separated label of one of its top-level hosts is one of these, in any case.
    version_order : str
        How the baseline is found: ``auto`` by the order of versions where they have one, ``date`` by date alone.
    version_from : str
        Where a job's version stands when it is not its product's: ``title``, ``command`` or ``link NAME``, a colon, and
        a regular expression whose first group is the version; empty for the product's version.
    reruns : int
        How many further jobs of either version are used, at most.
    rerun_days : int
        How far from the job of its version a rerun may have ended: others say little of the machine as it is now.
    """

    hardware: str = ""
    baseline_version: str = ""
    candidate_version: str = ""
    ignored_hardware: tuple[str, ...] = ()
    local_labels: tuple[str, ...] = ("local", "local-run", "localhost")
    version_order: Literal["auto", "date"] = "auto"
    version_from: str = ""
    reruns: Count = 5
    rerun_days: Count = 90


class CurveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How tests are read into curves, for one product.

    Attributes
    ----------
    less_better : tuple of (str, bool)
        Direction overrides: a piece of the tag, and whether less is better for the tests that hold it.
    load_pattern : str
        Regular expression whose first group is the number of the load; empty for the built-in reading.
    """

    less_better: tuple[tuple[str, bool], ...] = ()
    load_pattern: str = ""


class DetectSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as a change, for one product.

    Attributes
    ----------
    minor, moderate, severe, critical : float
        Median slowdown of a window from which a finding has that severity; ``moderate`` is the practical threshold
        of a regression, ``minor`` that of a listed one.
    fdr : float
        False-discovery rate over all curves of a pair (Benjamini–Hochberg).
    large_shift : float
        Run-wide slowdown or speed-up (ratio) from which the run itself is in doubt.
    min_time_change_s : float
        A change of a time below this many seconds is never a finding: what a load driver's clock and a scheduler
        do to a request of a few microseconds says nothing of the product.
    min_time_change_share : float
        The same as a share of the job's typical time, where that is less: in a suite of microseconds a microsecond
        counts.
    moderate_points, severe_points, critical_points : float
        Percentage points by which errors of a known total rise for a finding to have that severity.
    moderate_times, severe_times : float
        ``(new + 1) / (old + 1)`` from which a count without a known total has that severity; it is never critical.
    """

    minor: Ratio = 0.05
    moderate: Ratio = 0.15
    severe: Ratio = 0.50
    critical: Ratio = 1.00
    fdr: Share = 0.05
    large_shift: Ratio = 0.10
    min_time_change_s: Ratio = 50e-6
    min_time_change_share: Ratio = 0.01
    moderate_points: Ratio = 1.0
    severe_points: Ratio = 5.0
    critical_points: Ratio = 20.0
    moderate_times: Ratio = 2.0
    severe_times: Ratio = 10.0


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True):
    """When the verdict is what; counts are of clusters (an endpoint with all its curves is one).

    Attributes
    ----------
    block_critical, block_severe : int
        Clusters of that severity, of medium or high confidence, from which the release is blocked; 0 switches
        the rule off.
    block_failures : int
        Load points newly failing from which the release is blocked; 0 switches the rule off.
    min_compared : float
        Share of the baseline's curves that must be comparable for a verdict at all.
    monitor_minor : int
        Clusters of minor slowdowns from which a release is to be monitored; 0 switches the rule off.
    monitor_creep : float
        Slowdown since the oldest job of a history by which an endpoint may have crept before a release is to be
        monitored; 0 switches the rule off.
    max_inconclusive : float
        Share of the compared curves that may be inconclusive without asking for monitoring.
    open_issues : str
        What an issue that came in with an earlier version, and is open, makes of a release: ``block`` where it is by
        code, ``investigate``, or ``ignore``.
    """

    block_critical: Count = 1
    block_severe: Count = 3
    block_failures: Count = 0
    min_compared: Share = 0.5
    monitor_minor: Count = 5
    monitor_creep: Ratio = 0.15
    max_inconclusive: Ratio = 0.5
    open_issues: Literal["block", "investigate", "ignore"] = "investigate"


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the product's code is, to name the changes to look at first.

    Attributes
    ----------
    repo : str
        Folder of a git checkout or a bare repository; empty for none.
    tag : str
        How the tag of a version is named; ``{version}`` stands for the version.
    """

    repo: str = ""
    tag: str = "v{version}"


class Accept(msgspec.Struct, frozen=True, kw_only=True):
    """An ``[[accept]]`` entry: a regression that is known and is not to decide anything until a date.

    Attributes
    ----------
    product : str
        Compared exactly.
    endpoint, tag : str
        Patterns of the shell (``*``, ``?``, ``[…]``), upper and lower case apart; an empty one fits everything.
    metric : str
        ``latency``, ``rate``, ``p95`` or ``p95 latency``; empty for every metric.
    loads : tuple of float or None
        First and last load, both included; None for every load.
    slowdown : float or None
        The size that is accepted, as a ratio; None for any size.
    reason : str
    until : date
        The last day on which it is accepted.
    """

    product: str
    reason: str
    until: date
    endpoint: str = ""
    tag: str = ""
    metric: str = ""
    loads: tuple[Load, Load] | None = None
    slowdown: Ratio | None = None


class ProductSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may differ from product to product."""

    discovery: DiscoverySettings = DiscoverySettings()
    curves: CurveSettings = CurveSettings()
    detect: DetectSettings = DetectSettings()
    policy: PolicySettings = PolicySettings()
    source: SourceSettings = SourceSettings()
    accept: tuple[Accept, ...] = ()


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A ``[[notify]]`` entry: who is told of a run, and when.

    Attributes
    ----------
    name : str
        What messages of ours call it.
    url : str
        Its address as Apprise writes it; holds secrets, and is never shown.
    url_env : str
        The environment variable that holds the address instead.
    threshold : Threshold
    only_changes : bool
        Whether it is only told when the verdict is another one than at the product's last run.
    """

    name: str
    url: str = ""
    url_env: str = ""
    threshold: Threshold = "moderate"
    only_changes: bool = False

    def __repr__(self) -> str:
        """Show everything but the address."""
        return f"Channel(name={self.name!r}, threshold={self.threshold!r}, only_changes={self.only_changes!r})"


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """What gets past a gateway in front of the server; nearly all of it is secret.

    Attributes
    ----------
    user, password : str
        Sent as basic authentication.
    token : str
        Sent as bearer token.
    headers : tuple of str
        Each ``NAME: VALUE``.
    cookie : str
        ``NAME=VALUE``, several separated by ``;``.
    client_cert, client_key, client_key_password : str
        PEM files, and the key's password; the key may be in the certificate's file.
    netrc : str
        File of logins by host; empty for ``~/.netrc``, where there is one.
    """

    user: str = ""
    password: str = ""
    token: str = ""
    headers: tuple[str, ...] = ()
    cookie: str = ""
    client_cert: str = ""
    client_key: str = ""
    client_key_password: str = ""
    netrc: str = ""

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Gateway(…)"


SECRETS = frozenset(
    {
        "llm_api_key",
        "store",
        "gateway_user",
        "gateway_password",
        "gateway_token",
        "gateway_headers",
        "gateway_cookie",
        "client_key_password",
    }
)
"""Settings whose values no log and no message may hold."""


class DashboardSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who may see the dashboard, and what they may do there.

    Attributes
    ----------
    viewers : tuple of str
        Names of those who may look; empty for everybody whom a login or a proxy names.
    triagers : tuple of str
        Names of those who may look and write.
    https : bool
        Whether browsers reach it encrypted although no proxy says so: cookies are sent no other way then.
    frame_ancestors : tuple of str
        Origins whose pages may show those of the dashboard in a frame, such as ``https://grafana.example``.
    """

    viewers: tuple[str, ...] = ()
    triagers: tuple[str, ...] = ()
    https: bool = False
    frame_ancestors: tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One run's settings: command line over environment over settings file over these defaults.

    Attributes
    ----------
    url : str
        A server's address, or a folder of job files.
    project : int
        PerfTracker project; 0 is all of them.
    output_dir, reports_dir : str
        Where downloaded jobs and reports go.
    store : str
        File or ``postgresql://`` address of the store of past jobs; empty for a file in `output_dir`. An address may
        hold a password, and is never shown.
    keep_days : int
        How long before a product's newest job one may have ended to be kept there; 0 keeps all.
    history : bool
        Whether a comparison records its jobs and looks at earlier ones, where there is a store.
    ca_bundle : str
        File of certificates to trust; empty for the operating system's.
    timeout_s : float
        How long the server may take to begin a job, which it builds first, or be silent in it; for all other answers
        60 s, or a tenth of it where that is more.
    retry_s : float
        How long together to wait for a server that is not there or breaks off: it may be starting anew.
    connections : int
        Requests to the server at the same time, at most, where several products are asked for at once.
    workers : int
        Processes that work at the same time; 0 is as many as suit what is to be done.
    scheduler : str
        Address of a Dask cluster's scheduler, whose workers do it instead; empty for this machine.
    wait_min : float
        Minutes at most to wait for a newer job that is still being uploaded; 0 does not wait.
    gateway_user, gateway_password, gateway_token, gateway_headers, gateway_cookie : see `Gateway`
    client_cert, client_key, client_key_password, netrc : see `Gateway`
    seed : int
        Of every random draw.
    fail_on : Gate
        From what on the exit code is 1: a regression of this severity, or the verdict BLOCK.
    upload : bool
        Whether the report is published to the server, linked to the candidate job.
    comparison : bool
        Whether publishing also makes the server's own comparison of the two jobs.
    junit : str
        File for the results as JUnit XML; empty for none.
    csv : str
        File for the issues as CSV; empty for none.
    step_summary : str
        File to which the beginning of the report is appended for a build's page; empty for none.
    notify : bool
        Whether the channels are told.
    dashboard_url : str
        Where people reach the dashboard: messages and the candidate's page on the server link to it. Empty for none.
    channels : tuple of Channel
    llm : Model
    model : str
        The language model's name on its server.
    llm_url : str
        Its server: an Ollama, or with a path that ends in ``/v1`` an OpenAI-compatible one.
    llm_api_key : str
        Sent as bearer token, and never shown.
    llm_timeout_s : float
        For everything a model is asked in a run, loading it included.
    llm_window : int
        Longest window of an Ollama, in tokens: a longer one needs more memory beside the model.
    pull : bool
        Whether a model that is missing is downloaded first.
    llm_again : bool
        Whether a model is asked although it answered the same question before.
    emit_prompt : bool
        Whether the run ends with showing what a model would be asked, asking none.
    hardware : tuple of (str, str)
        Patterns of host names, and the class of machine that such hosts are.
    accept : tuple of Accept
        Accepted regressions of all products.
    dashboard : DashboardSettings
    defaults : ProductSettings
    products : tuple of (str, ProductSettings)
        Settings of products that have a table of their own.
    """

    url: str = "http://127.0.0.1:9000"
    project: Count = 1
    output_dir: str = "data"
    reports_dir: str = "reports"
    store: str = ""
    keep_days: Days = 400
    history: bool = True
    ca_bundle: str = ""
    insecure: bool = False
    timeout_s: Seconds = 600.0
    retry_s: Pause = 60.0
    connections: Connections = 4
    workers: Processes = 0
    scheduler: str = ""
    wait_min: Minutes = 0.0
    gateway_user: str = ""
    gateway_password: str = ""
    gateway_token: str = ""
    gateway_headers: tuple[str, ...] = ()
    gateway_cookie: str = ""
    client_cert: str = ""
    client_key: str = ""
    client_key_password: str = ""
    netrc: str = ""
    seed: Count = 20260101
    fail_on: Gate = "never"
    upload: bool = False
    comparison: bool = False
    junit: str = ""
    csv: str = ""
    step_summary: str = ""
    notify: bool = False
    dashboard_url: str = ""
    channels: tuple[Channel, ...] = ()
    llm: Model = "auto"
    model: str = "qwen2.5-coder:14b"
    llm_url: str = "http://127.0.0.1:11434"
    llm_api_key: str = ""
    llm_timeout_s: Seconds = 900.0
    llm_window: Window = 32768
    pull: bool = False
    llm_again: bool = False
    emit_prompt: bool = False
    hardware: tuple[tuple[str, str], ...] = ()
    accept: tuple[Accept, ...] = ()
    dashboard: DashboardSettings = DashboardSettings()
    defaults: ProductSettings = ProductSettings()
    products: tuple[tuple[str, ProductSettings], ...] = ()

    def of_product(self, name: str) -> ProductSettings:
        """Give a product's settings, its accepted regressions among them."""
        own = dict(self.products).get(name, self.defaults)
        return replace(own, accept=tuple(entry for entry in self.accept if entry.product == name))

    @property
    def gateway(self) -> Gateway:
        """What gets past a gateway in front of the server."""
        return Gateway(
            user=self.gateway_user,
            password=self.gateway_password,
            token=self.gateway_token,
            headers=self.gateway_headers,
            cookie=self.gateway_cookie,
            client_cert=self.client_cert,
            client_key=self.client_key,
            client_key_password=self.client_key_password,
            netrc=self.netrc,
        )

    def __repr__(self) -> str:
        """Show every setting but secret ones and addresses, which may hold one."""
        hidden = SECRETS | {"url", "llm_url"}
        shown = {name: getattr(self, name) for name in self.__struct_fields__ if name not in hidden}
        return f"Settings({shown})"
