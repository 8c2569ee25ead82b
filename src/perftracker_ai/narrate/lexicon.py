"""The words prose may not hold outside a slot, by what they would claim: numbers, verdicts, causes, directions.

Only words and patterns, for text in lower case; `rules` says where each applies. A word ending in ``*`` stands for
its inflections. Quantities and verdicts are never a writer's to state, whatever they are said of.
"""

from __future__ import annotations

import re


def words(listed: str) -> re.Pattern[str]:
    """Compile a pattern that finds any of the entries, which are separated by commas."""
    entries = (entry.strip() for entry in listed.split(","))
    parts = "|".join(re.escape(entry).replace(r"\*", "[a-z]*").replace(r"\ ", r"[\s-]+") for entry in entries)
    return re.compile(rf"(?<![a-z])(?:{parts})(?![a-z])")


# ── quantities ──────────────────────────────────────────────────────────────────────────────────────────────────────

NUMBER_WORDS = words(
    "zero, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, sixteen,"
    "seventeen, eighteen, nineteen, twenty, thirty, forty, fifty, sixty, seventy, eighty, ninety, twent*, hundred*,"
    "thousand*, million*, billion*, trillion*, dozen*, half, halve*, halving, quarter*, a third, thirds, fourth, fifth,"
    "sixth, seventh, eighth, ninth, tenth*, twice, thrice, double*, doubling, triple*, tripling, treble*, quadrupl*,"
    "quintupl*, tenfold, twofold, threefold, fourfold, fivefold, manifold, fold, percent*, per cent,"
    " order of magnitude,"
    "orders of magnitude, milliseconds, millisecond, microseconds, seconds, minute, minutes, hour*, day, days, week*,"
    "month*, year*, a second longer, a second more, another second, several, majority, minority, handful, couple,"
    "a pair, numerous, countless, mostly, lots of, a lot of, times as, times slower, times faster, times the,"
    "times more, times higher, times longer, umpteen, zillion*, a fraction, fraction of, ages, decade*, centur*,"
    "a score"
)

_THINGS = (
    r"(?:endpoints?|apis?|requests?|users?|customers?|curves?|tests?|loads?|load points?|threads?|thread counts?"
    r"|metrics?|operations?|services?|calls?|pages?|runs?|findings?|issues?|clusters?|regressions?|slowdowns?"
    r"|problems?|improvements?|installations?|cases|time)"
)
COUNTED = re.compile(
    rf"\b(?:all|every|many|few|multiple|(?<!the )most|nearly all|almost all|various)\s+(?:of\s+)?(?:the\s+|these\s+)?"
    rf"(?:[a-z-]+\s+)?{_THINGS}\b"
    r"|\bboth\b(?!\s+(?:versions|builds|jobs|sides|runs|the baseline)\b)"
    r"|\b(?:everything|everywhere|nowhere|nothing else|nobody|across the board|entire system|entire api)\b"
)
SUPERLATIVE = re.compile(
    r"(?<!\bat )(?<!\bthe )\bmost\b(?!\s+(?:notabl|important|visibl|strongl|affected|pronounced|of all)|\s*[.,;)]|\s*$)"
    r"|\bmost\s+(?:of|part)\b"
)
ONE = re.compile(
    rf"\bone\s+(?:of|in|or|per|percent|time|hundred|thousand|(?:[a-z-]+\s+)?{_THINGS})\b"
    r"|\b(?:only|just|exactly|at least|at most|by)\s+one\b(?!\s+by\b)"
)
NO_CHANGE = re.compile(
    r"\b(?:no|without(?: any| a)?|nor|neither|not any|never any)\s+(?:[a-z-]+\s+)?"
    r"(?:regressions?|slowdowns?|degradations?|slower|issues?|problems?|impact|risks?)\b"
    r"|\bnothing\s+(?:became|got|is|was|has become|has got)?\s*(?:slower|worse|regressed)\b"
    r"|\b(?:none|nothing)\s+(?:was|were|is|has been)?\s*(?:found|detected|seen)\b"
)
"""Says that nothing became worse."""

# ── decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────

VERDICTS = words(
    "approv*, disapprov*, block*, unblock*, ship, ships, shipped, shipping, shippable, sign off, signed off, veto*,"
    "go live, no go, green light*, greenlight*, good to go, reject*, rollback*, roll back, rolled back, rolling back,"
    "roll out, rolled out, rolling out, rollout*, deploy*, safe to, is safe, are safe, be safe, safely, unsafe,"
    "ready for production, ready for release, ready to, production ready, insufficient evidence, with monitoring,"
    "postpone*, released, releasing, releasable, release it, release now, release this, release anyway, release as,"
    "can release, may release, to release, not release, do release, should release, must release, go ahead,"
    "hold the, hold this, hold back, stop the release, delay the release, pass the gate, passes the gate,"
    " waive*, accept,"
    "accepts, accepted, acceptance, accepting, publish*, launch*, go to production, into production, to production,"
    "use the candidate, using the candidate, adopt*, promot*, proceed*, cleared for, fit for"
)
RELEASE_IS = re.compile(
    r"\brelease\s+(?:is|was|can|could|may|might|should|must|will|would|has|needs?|cannot|looks?"
    r"|seems?|remains?|ready)\b"
)
EXECUTIVE_VERDICTS = words("investigat*")
DISPUTE = re.compile(
    r"\b(?:verdict|policy|recommendation)\b.*\b(?:but|however|although|despite|wrong|strict|lenient|ignor\w*|overrul\w*"
    r"|overrid\w*|instead|disagree\w*|disregard\w*|not|should|chang\w*)\b"
)

# ── causes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

CAUSES = tuple(
    map(
        words,
        (
            "leak*",
            "deadlock*, livelock*",
            "race condition*",
            "garbage, gc",
            "memory, heap*, ram",
            "swap, swapping, paging",
            "cache*, caching",
            "lock, locks, locked, locking, mutex*, semaphore*",
            "contention, contended",
            "pool, pools, pooling",
            "index, indexes, indices, indexing, indexed",
            "query, queries, querying, database*, sql",
            "row, rows",
            "db, orm, transaction*, vacuum*",
            "network*, bandwidth, packet*, dns, tls, ssl, firewall*, proxy, proxies, load balancer*",
            "disk*, hard drive*, ssd*, storage, filesystem*, io",
            "cpu*, processor*, core, cores",
            "bug, bugs, defect*, programming error*, typo*",
            "programmer*, developer*, vendor*, forgot, forgotten",
            "commit, commits, merge, merged, refactor*, patch*, pull request*, code change*",
            "upgrade*, downgrade*, dependenc*, librar*, driver*, framework*, compiler*, jit, runtime*",
            "config*, misconfig*, setting change*, feature flag*",
            "kernel*, firmware*, operating system*, scheduler*",
            "virtual*, container*, kubernetes, docker, cloud, hypervisor*",
            "redis, postgres*, mysql, mariadb, oracle, mongo*, kafka, rabbitmq, nginx, apache, tomcat, hibernate",
            "java, jvm, python, golang, rust, node, linux, windows",
            "serialis*, serializ*, marshall*",
            "logging, logger*",
            "validation, validating",
            "retry, retries, retrying",
            "timeout*, time out, timed out, timing out",
            "throttl*, rate limit*, quota*",
            "saturat*, starvation, starv*, exhaust*, bottleneck*",
            "fragment*",
            "algorithm*, complexity, quadratic*, exponential*, recursion, loop, loops",
            "housekeeping, backup*, cron, background job*",
            "noisy neighbo*, thermal*, temperature*",
            "attack*, intrusion*, malware, hack*",
            "upstream*, downstream*, third party, external service*",
            "connection*, socket*",
        ),
    )
)
"""Each a family of words for one kind of cause; a topic may use those that its own hypotheses use."""
ANY_CAUSE = re.compile("|".join(pattern.pattern for pattern in CAUSES))

PLACE = re.compile(r"(?<!same )(?<!this )(?<!idle )(?<!that )(?<!test )\b(?:hardware|machines?|environment)\b")

CERTAIN = words(
    "root cause*, culprit*, to blame, blame*, prove*, proving, proof, certainly, definitely, undoubtedly, doubtless,"
    "without doubt, no doubt, obviously, evidently, surely, guarantee*, must be, must have, beyond question"
)
CAUSAL = words(
    "cause, causes, caused, causing, because of, due to, the reason, reason is, reason for this, stems from, stem from,"
    "results from, resulting from, result of, owing to, thanks to, originat*, traced to, traced back, traces back,"
    "comes from, came from, leads to, led to, explains, explained by, introduced by, driven by, attribut*,"
    "responsible for, triggered by, comes down to, boils down to"
)
BECAUSE = re.compile(r"\bbecause\b(?! of)(?P<rest>.*)")
HEDGES = words(
    "may, might, could, can, possib*, suggest*, consistent with, would, hint*, point to, points to,"
    " pointing to, perhaps,"
    "potential*, likely, unlikely, probabl*, appear*, seem*, candidate explanation, hypothes*, speaks against,"
    "speaks for, speak against, should, if, whether, fits, fit, indicat*, not known, unknown, unclear, open, cannot,"
    "not, compatible with, in line with, looks like, plausibl*, suspect*, evidence for, evidence against"
)
UNKNOWN = words("not known, unknown, unclear, cannot, not, no, open, whether, nothing")
CHECKS = words(
    "compare*, check*, measure*, profile*, verify, capture*, look, looking, repeat*, rerun*, trace*, record*, count*,"
    "test*, raise*, confirm, refute, investigate, examine, inspect, find out, watch,"
    "analyze*, analyse*, analysing, analyzing, identif*, determine*"
)

# ── what nobody measured ────────────────────────────────────────────────────────────────────────────────────────────

UNMEASURED = words(
    "outage*, downtime, crash*, unavailab*, unusable, inaccessib*, data loss, corrupt*, vulnerab*, breach*, exploit*,"
    "sla, slas, slo, slos, revenue, legal*, unaffected, unchanged, not affected, did not change, has not changed,"
    "have not changed, no other, accuracy, incorrect results"
)
FAILURES = words("error, errors, fail, fails, failed, failing, failure, failures, lost, missing tests, broken, breaks")

DISMISSALS = words(
    "ignor*, disregard*, harmless, negligib*, insignifican*, irrelevant, acceptab*, tolerab*, nothing to worry,"
    "no concern, no cause for concern, false alarm*, false positive*, no action, not a problem, no problem,"
    " looks good, invisible,"
    "unnoticed, not noticeable, no one will notice, no reason to worry, happy, happier,"
    "looks fine, is fine, are fine, healthy, perfect*, excellent, flawless*"
)
UNDERSTATED = words("slight*, marginal*, barely, hardly, tiny, trivial*, mild*, a little, a bit, modest*, minimal*")
OVERSTATED = words(
    "massive*, dramatic*, drastic*, catastroph*, disastr*, huge*, enormous*, extreme*, alarming*, collaps*, terribl*,"
    "horribl*, unbearabl*, dire"
)
SEVERITIES = re.compile(r"(?<!\bmost )\b(critical|severe|moderate|minor)(?:ly)?\b")
CONFIDENCES = re.compile(
    r"\b(high|medium|low|strong|weak|great|little|full)(?:est)?\s+(?:\w+\s+)?confidence\b"
    r"|\bconfidence\s+(?:is|was|remains|of|:)\s*(?:\w+\s+)?(high|medium|low|strong|weak|great|little|full)\b"
)

# ── directions ──────────────────────────────────────────────────────────────────────────────────────────────────────

BETTER = words(
    "improv*, faster, fastest, quicker, quickest, speed up, speed ups, speedup*, sped up, speeds up,"
    " accelerat*, better,"
    "more responsive, snappier, gain, gains, gained, shorter, sooner, benefit from, benefits from,"
    "benefited from, less time,"
    "good news, optimis*, optimiz*, outperform*, win, wins, won,"
    "as quick as, as fast as, quick as, runs smoothly, run smoothly"
)
WORSE = words(
    "slow, slower, slowest, slowness, sluggish*, slowdown*, slow down, slows down, slowed down, slowed, slowing,"
    "regress*, degrad*, worse, worsen*, worst, deteriorat*, longer, delay, delays, delayed,"
    "suffer*, underperform*"
)
NOT_BETTER = re.compile(r"\b(?:no|not|never|nor)\s+(?:get\s+|any\s+|much\s+)?(?:better|faster|quicker)\b")
BETTER_KNOWLEDGE = re.compile(
    r"\b(?:improv\w*|better)\s+(?:the\s+|our\s+)?(?:\w+\s+)?(?:estimates?|evidence|confidence"
    r"|certainty|precision|picture)\b"
)
LOST_GAIN = re.compile(r"\bgains? (?:confidence|certainty|insight)\b")

_OLD = r"(?:baseline|old version|older version|old build|previous version|predecessor)"
_NEW = r"(?:candidate|new version|newer version|new build|successor)"
_CHANGED = r"(?:slow\w*|fast\w*|worse|better|quick\w*|regress\w*|degrad\w*|improv\w*|longer|shorter)"
WRONG_SIDE = re.compile(
    rf"\bthan\s+(?:in\s+|on\s+|with\s+)?(?:the\s+)?{_NEW}\b"
    rf"|\b{_CHANGED}\s+(?:in|on|with|for|under)\s+(?:the\s+)?{_OLD}\b"
    rf"|\b{_OLD}\s+(?:is|was|became|got|has|had|takes|took|runs|ran)\s+(?:\w+\s+)?{_CHANGED}\b"
)
"""Says the change of the baseline, where every change is the candidate's."""
DENIED = re.compile(
    r"\b(?:not|never|no|nor|neither|hardly|isn['’]t|aren['’]t|wasn['’]t|don['’]t|doesn['’]t|without"
    r"|rather than|instead of)"
    r"\s+(?:[a-z]+\s+){0,2}§"
    r"|§\s+(?:is|are|was|were|seems?|looks?)\s+(?:not|wrong|false|incorrect|untrue|mistaken|exaggerated|nonsense)\b"
    r"|\b(?:the opposite|contrary|false that|untrue|not true|incorrect\w*|mistaken\w*|wrong\w*"
    r"|do not follow|do not trust|"
    r"misleading|pretend\w*)\b"
)
"""Takes a fact back."""

_COST = (
    r"(?:latency|latencies|response times?|waiting times?|(?<!same )times?|costs?|slowdowns?|waits?|delays?|durations?)"
)
_RATE = r"(?:throughput|(?<!hit )rates?|capacity|requests per second)"
_DOWN = r"(?:drop\w*|falls?|fell|fallen|falling|decreas\w*|reduc\w*|shrink\w*|shrank|lower\w*|declin\w*|down|less)"
_UP = r"(?:rises?|rose|risen|rising|increas\w*|grows?|grew|grown|growing|climb\w*|jump\w*|higher|up)"
_GAP = r"(?:\W+[a-z§-]+){0,4}?\W+"


def _near(noun: str, verb: str) -> str:
    return rf"\b{noun}\b{_GAP}{verb}\b|\b{verb}\W+(?:[a-z-]+\W+){{0,2}}?{noun}\b"


COST_DOWN = re.compile(f"{_near(_COST, _DOWN)}|{_near(_RATE, _UP)}")
COST_UP = re.compile(f"{_near(_COST, _UP)}|{_near(_RATE, _DOWN)}")
"""Movements of what is measured: cost that falls or throughput that rises is an improvement, and the reverse."""

LATENCY_WORDS = words("latency, latencies, response time, response times")
RATE_WORDS = words("throughput, requests per second, operations per second")

CLAUSES = re.compile(r"[,;:()]|\s[-–—]\s|—|\b(?:but|while|whereas|although|though|and|however|yet|unlike|than)\b")

# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMED_THING = re.compile(r"\b(?P<name>[a-z]+)\s+(?:endpoint|page|route|microservice|module|screen|dialog|button)s?\b")
PLAIN = frozenset(
    re.findall(
        r"\S+",
        "a an the this that these those such each any some no its their our your his her one other another "
        "same single affected slow slower slowest fast faster fastest worst listed named remaining changed "
        "measured tested improved regressed whole entire new old candidate baseline related unchanged "
        "critical severe moderate minor following important busy heavy first next last second third main key "
        "of on in for at and or to with by from between per which what whose only just also both individual "
        "different similar neighbouring certain given relevant expensive cheap frequent popular heaviest "
        "busiest impacted problematic concerned separate specific mentioned above below is are was were "
        "whichever every all most own ",
    )
)
SPELLED = words("slash, dot com, backslash")
"""A path or address spelled out."""
CAPITALS = frozenset({"I", "API", "APIs"})
