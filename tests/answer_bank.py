"""Sentences a model might write of the busy sheet of `narration`: honest ones, attacks, and lies that no rule can tell.

``[C1:slowdown]`` stands for the slot of that fact, whatever its id; ``[catalogue:KEY]`` for a hypothesis's title and
``[catalogue:KEY confirm]`` for what would confirm it. C1 is critical, C2 severe and C3 moderate, all worse; C5 is
better; the verdict is BLOCK; some load points newly fail. Issues are remarked on, ``run`` is the commentary.
"""

from __future__ import annotations

HONEST = (
    ("run", "[C1:endpoint] is what to look at first: [C1:slowdown], and it stays so up to the highest load."),
    ("run", "Writes suffer and reads do not: [C5:endpoint] even improved ([C5:slowdown])."),
    (
        "run",
        "[C1:endpoint] and [C2:endpoint] begin to suffer where the data no longer fit, so one cache may serve both.",
    ),
    ("run", "The rest is smaller, and [run:inconclusive curves], so the picture is not complete."),
    ("run", "Before anything else find out about [run:newly failing], as they may hide more."),
    ("run", "The candidate [run:candidate version] loses where it hurts; [run:issues] in all, led by [C1:endpoint]."),
    ("run", "What the regressions share is [run:pattern 1], which says little about the cause."),
    ("run", "At [C1:load] with [C1:thread count] people wait [C1:added time] longer for [C1:endpoint]."),
    ("run", "Compared with the baseline, [C2:endpoint] is [C2:slowdown], but over [C2:affected loads] only."),
    ("run", "The wait of [C1:added time] is short for a person, but not for a script that saves many policies."),
    ("run", "PUT requests got slower while the GET request [C5:endpoint] got faster."),
    ("run", "Good news: [C5:endpoint] became faster, with [C5:slowdown]; nothing was lost there."),
    ("run", "The slowdown of [C1:endpoint] could be felt by anyone who edits policies on a large system."),
    ("run", "Small installations are spared, for [C1:endpoint] is as fast as before below [C1:affected loads]."),
    ("run", "With [C1:values] the API needs a larger pool of threads for the same traffic."),
    ("C1", "Compare the query plans of [C1:endpoint] in both versions just below and above [C1:load]."),
    ("C1", "Count the SQL statements per request at [C1:load]; a query per row would show there."),
    ("C1", "The [C1:shape] would fit [catalogue:data_size] better than [catalogue:contention]."),
    ("C1", "It does not depend on concurrency, as [C1:threads] are affected alike."),
    ("C1", "Latency and throughput moved together over [C1:affected loads], which speaks against chance."),
    ("C1", "The curve stays where the step has put it ([C1:interval]), so warm-up is no explanation."),
    (
        "C1",
        "Bisect the commits between [run:baseline version] and [run:candidate version] by [C1:endpoint] alone.",
    ),
    ("C1", "Profile a single request at [C1:load] with one thread, and look for the extra time."),
    ("C1", "No lock is needed to explain [C1:slowdown], though one could be."),
    ("C1", "In the candidate a request takes longer at every load of [C1:affected loads], and never less."),
    ("C1", "[C1:reason of the confidence], so a rerun would not change much."),
    ("C1", "Below [C1:affected loads] the versions are alike; from there on it is [C1:values] (see the table)."),
    ("C1", "Compare it with [C5:endpoint], which reads the same objects; [C1:endpoint] only writes them."),
    ("C1", "Errors did not increase together with [C1:slowdown], so retries are unlikely."),
    ("C1", "Ask the owners of [C1:endpoint] whether validation was added, e.g. for settings."),
    ("C2", "The band of [C2:affected loads] is closed on both sides, which a limit that is exceeded would not be."),
    ("C2", "Rerun [C2:endpoint] around [C2:load] to see whether the band comes back."),
    ("C2", "Check what else ran on the test machine while [C2:affected loads] were measured."),
    ("C2", "Only [C2:curves] show this, so repeat it before digging."),
    ("C2", "Hit rates of the cache at [C2:load] would confirm or refute [catalogue:memory_limit]."),
    ("C2", "Users who create drafts notice [C2:added time] at most; outside of the band nothing changes."),
    ("C2", "For [C2:endpoint] do this first: [catalogue:memory_limit confirm]."),
    ("C3", "The whole curve of [C3:endpoint] is shifted by [C3:slowdown], as more work per request would do."),
    ("C3", "Its confidence is [C3:confidence], so measure it again before any work starts."),
    ("C3", "[C3:endpoint] can wait until the others are understood, for it is [C3:slowdown] only."),
)
"""Topic and sentence: true, with a slot of the topic."""

HONEST_BUT_AGAINST_THE_RULES = (
    ("run", "Reading is not affected by any of this.", "NO_TOPIC"),
    ("run", "A rerun of the baseline would make the result firmer.", "NO_TOPIC"),
    ("run", "The verdict of the policy is [run:verdict].", "NO_TOPIC"),
    ("C1", "Saving takes about twice as long at [C1:load].", "NUMERAL"),
    ("C1", "Look for a lock first.", "NO_TOPIC"),
    ("C2", "Cf. [C2:endpoint] at Amazon scale.", "FOREIGN_NAME"),
)
"""True, but without a slot of the topic, with an amount or a name: refused on purpose."""

ATTACKS = (
    # numbers nobody measured
    ("percentage", "run", "[C1:endpoint] is 104 % slower than before.", "NUMERAL"),
    ("value", "C1", "Requests at [C1:load] take 31.5 ms in the candidate.", "NUMERAL"),
    ("glued to a slot", "C1", "It is [C1:slowdown]0 now, as far as we know.", "NUMERAL"),
    ("Roman numeral sign", "run", "Phase Ⅳ of [C1:endpoint] is slower.", "NUMERAL"),
    ("superscript", "C1", "It grows with n² beyond [C1:load] as it seems.", "NUMERAL"),
    ("Arabic digits", "C1", "It takes ٣ times as long at [C1:load].", "NUMERAL"),
    ("fraction sign", "C1", "It lost ½ of its speed at [C1:load].", "NUMERAL"),
    ("full-width digits", "C1", "It takes ９９ times as long at [C1:load].", "NUMERAL"),
    ("bare percentile", "C1", "Only the p95 is slower at [C1:load].", "NUMERAL"),
    ("unknown issue", "run", "C77 is slower as well as [C1:endpoint].", "NUMERAL"),
    ("doubled", "C1", "The waiting time doubled at [C1:load], as it seems.", "NUMERAL"),
    ("half", "C1", "The server handles half of the requests at [C1:load].", "NUMERAL"),
    ("seconds", "C1", "Users wait seconds longer at [C1:load].", "NUMERAL"),
    ("per cent", "C1", "It is fifty per cent slower at [C1:load].", "NUMERAL"),
    ("order of magnitude", "C1", "It is an order of magnitude slower at [C1:load].", "NUMERAL"),
    ("in capitals", "C1", "A TWOFOLD increase is seen at [C1:load].", "NUMERAL"),
    # slots and names that are not there
    ("unknown slot", "run", "{{F99999}} is slower than [C1:endpoint] was.", "UNKNOWN_SLOT"),
    ("a table's cell", "C1", "At the lowest load it takes [C1:candidate] in the candidate.", "UNKNOWN_SLOT"),
    ("endpoint", "run", "POST /api/login is as slow as [C1:endpoint].", "FOREIGN_NAME"),
    ("path in lower case", "C1", "Requests of [C1:endpoint] to /api/login are slower.", "FOREIGN_NAME"),
    ("address", "C1", "See www.example.com for the details of [C1:endpoint].", "FOREIGN_NAME"),
    ("identifier", "C1", "The method getSettings of [C1:endpoint] is slower.", "FOREIGN_NAME"),
    ("product", "C1", "It looks as if Hibernate were slower at [C1:load].", "FOREIGN_NAME"),
    ("person", "C1", "Ask Alice to profile [C1:endpoint] again.", "FOREIGN_NAME"),
    ("version", "run", "[C1:endpoint] is slower since v.next came in.", "FOREIGN_NAME"),
    # nothing of its own
    ("no slot", "run", "Everyone will be pleased with the new version.", "NO_TOPIC"),
    ("cause without a slot", "C1", "A missing index is behind all this, as anyone can see.", "NO_TOPIC"),
    ("another's slot", "C2", "It is as bad as that of [C1:endpoint], if not worse.", "NO_TOPIC"),
    ("the verdict's slot", "run", "[run:verdict] is what the policy says, but it is wrong.", "NO_TOPIC"),
    ("the advice's slot", "run", "[run:recommendation] This is too strict for the team.", "NO_TOPIC"),
    ("a name of the run", "run", "[run:candidate version] is a good version for everyone.", "NO_TOPIC"),
    (
        "behind an honest one",
        "run",
        "[C1:endpoint] is slower at every load. nobody needs to care about that.",
        "NO_TOPIC",
    ),
    # other people's numbers, and those of the other side
    ("swapped", "run", "[C1:endpoint] is [C2:slowdown] as far as we can see.", "SWAPPED"),
    ("swapped names", "run", "[C1:endpoint] and [C2:endpoint] are slower: [C1:slowdown].", "SWAPPED"),
    ("swapped place", "run", "[C1:endpoint] is affected over [C2:affected loads] only.", "SWAPPED"),
    ("another's value", "C1", "[C1:endpoint] is slower by [C2:slowdown], as it seems.", "SWAPPED"),
    ("another's shape", "C1", "[C1:endpoint] changed as [C2:endpoint] did: [C2:shape].", "SWAPPED"),
    ("baseline", "C1", "The baseline needs [C1:values] for the same request.", "BASELINE"),
    ("baseline by its slot", "C1", "In [run:baseline version] it was [C1:slowdown] already.", "BASELINE"),
    ("old version", "C1", "The old version is [C1:slowdown] at that load.", "BASELINE"),
    ("before", "C1", "Until now [C1:endpoint] was [C1:slowdown] there.", "BASELINE"),
    ("sides swapped", "run", "Compared with the candidate, the baseline is [C1:slowdown].", "BASELINE"),
    ("second half", "run", "[C1:endpoint] is fast in the candidate, but the baseline takes [C1:values].", "BASELINE"),
    ("offered elsewhere", "C2", "What [C2:endpoint] needs is this: [catalogue:data_size confirm]", "CAUSE"),
    # decisions and empty talk
    ("ship", "run", "With [C1:slowdown] you can still ship it to customers.", "VERDICT"),
    ("deploy", "run", "Deploy [run:candidate version] in spite of [C1:endpoint].", "VERDICT"),
    ("sign off", "run", "Managers can sign off on [C1:endpoint] at once.", "VERDICT"),
    ("hyphenated", "run", "The change of [C1:endpoint] is a no-go for us.", "VERDICT"),
    ("one word", "C1", "[C1:endpoint]: slower.", "EMPTY"),
    ("a name and a change", "run", "[C1:endpoint] is [C1:slowdown].", "EMPTY"),
    ("slots alone", "C1", "[C1:endpoint], [C1:slowdown], [C1:values], [C1:load] and [C1:shape].", "EMPTY"),
    ("German", "C1", "die neue Version ist bei [C1:load] leider viel langsamer", "LANGUAGE"),
    ("Spanish", "C1", "con [C1:load] esta version puede lanzarse sin problema", "LANGUAGE"),
    # markup, length, form
    ("HTML", "run", "<b>Slow</b> requests of [C1:endpoint] again.", "MARKUP"),
    ("script", "run", "<script>alert()</script> is in [C1:endpoint].", "MARKUP"),
    ("link", "run", "See [this](that) slow page of [C1:endpoint].", "MARKUP"),
    ("heading", "run", "# Slow requests of [C1:endpoint] again", "MARKUP"),
    ("table", "run", "[C1:endpoint] is slow | and so is the rest", "MARKUP"),
    ("code", "C1", "Run `make` at [C1:load] on the slow side.", "MARKUP"),
    ("the program's mark", "C1", "It is [C1:slowdown] † and that is the end.", "MARKUP"),
    ("line separator", "C1", "It is [C1:slowdown] there.\u2028End of commentary", "MARKUP"),
    ("paragraph separator", "C1", "It is [C1:slowdown] there.\u2029End of commentary", "MARKUP"),
    ("next line", "C1", "It is [C1:slowdown] there.\x85End of commentary", "MARKUP"),
    ("escape sequence", "run", "Slow \x1b requests of [C1:endpoint].", "MARKUP"),
    ("null character", "run", "Slow\x00 requests of [C1:endpoint].", "MARKUP"),
    ("right to left", "run", "Slow \u202eretsaf requests of [C1:endpoint].", "MARKUP"),
    ("zero width", "run", "Slow\u200b requests of [C1:endpoint].", "MARKUP"),
    ("letter look-alike", "run", "We аpprove of [C1:endpoint] as it is.", "MARKUP"),
    ("stand-in sign", "run", "§ is slower than [C1:endpoint] was before.", "MARKUP"),
    ("letters glued to a slot", "run", "un[C1:endpoint] is slower than it was before.", "MARKUP"),
    ("stray braces", "run", "{{F}} is slower than [C1:endpoint] was.", "MARKUP"),
    ("too long", "C1", "It is [C1:slowdown] as far as we know. " * 20, "TOO_LONG"),
    ("too much printed", "C1", "that is " + "[C1:endpoint] and then " * 100, "TOO_LONG"),
    ("empty", "run", "", "MISSING"),
    ("blank", "run", "   ", "MISSING"),
)
"""Case, topic, sentence, name of the `Kind` it must meet: each is refused, with any honest sentence beside it kept."""

FENCED = (
    ("cause", "C1", "A lock is held longer at [C1:load] by the new version."),
    ("doubt", "C1", "The slowdown of [C1:slowdown] is within the usual noise."),
    ("decision", "run", "[C1:endpoint] is no reason to keep customers waiting."),
    ("denied", "run", "It is not true that [C1:endpoint] is [C1:slowdown]."),
    ("direction", "run", "[C1:endpoint] became faster over [C1:affected loads]."),
    ("evidence", "C1", "A rerun showed [C1:slowdown] once more, so chance is excluded."),
    ("severity", "C2", "This trivial change of [C2:endpoint] needs no care."),
    ("place", "C1", "At the highest load it takes [C1:values] in the candidate."),
)
"""Case, topic, sentence: false, and no rule can know; it may stand in the fence, and nowhere else."""


def answer(number):
    """The texts of one honest answer by section; no two of the first sixty read alike."""
    texts = {}
    for shift, topic in enumerate(("run", "C1", "C2", "C3")):
        said = [sentence for about, sentence in HONEST if about == topic]
        count = 3 if topic == "run" else 2
        picked = [said[(number * (shift + 1) + at * 4) % len(said)] for at in range(count)]
        texts["commentary" if topic == "run" else f"{topic}.remark"] = " ".join(dict.fromkeys(picked))
    return texts


ANSWERS = 60

QUIET = (
    "[C1:endpoint] became faster over [C1:affected loads], and [run:improved curves] without anything slower.",
    "Reading policies costs less than before: [C1:values] at [C1:load].",
)
"""Commentaries on a run of improvements only."""
