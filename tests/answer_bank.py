"""Honest answers a model might give, written before the verifier that must accept them, in many hands' styles.

``[C1:slowdown]`` stands for the slot of that fact, whatever its id; ``[catalogue:KEY]`` for a hypothesis's title
and ``[catalogue:KEY confirm]`` for what would confirm it. Every text is true of the sheets of `narration`.

Answers are put together from the lists below with strides that share no factor with the lists' lengths, so that no
two answers read alike and every text is used.
"""

from __future__ import annotations

HEADLINES = (
    "[run:verdict]: [C1:endpoint] is [C1:slowdown] over [C1:affected loads].",
    "[C1:endpoint] got [C1:slowdown]; [run:verdict] under the release policy.",
    "Saving settings has become [C1:slowdown] in the candidate.",
    "[run:issues], led by [C1:endpoint].",
    "A regression on [C1:endpoint] dominates this comparison.",
    "Verdict [run:verdict] - [C1:endpoint] takes [C1:change as measured] at [C1:load].",
    "[run:verdict]. [C1:endpoint] slows down sharply once the load passes [C1:affected loads].",
    "Same tests, newer version, a clear problem: [C1:endpoint] is [C1:slowdown].",
    "Writes to [C1:endpoint] regressed; [run:issues] in total.",
    "[run:candidate version] is slower than [run:baseline version] where it hurts: [C1:endpoint].",
    "Serious slowdown in [C1:endpoint] (“[C1:shape]”), [C1:confidence].",
)

SUMMARIES = (
    (
        "The policy's verdict is [run:verdict]. We found [run:issues] among [run:curves]. The worst is "
        "[C1:endpoint], which is [C1:slowdown] in the median over [C1:affected loads]. [C2:endpoint] follows with "
        "[C2:slowdown]."
    ),
    (
        "[run:meaning of the verdict]. Compared with [run:baseline version], the candidate [run:candidate version] of "
        "[run:product] shows [run:issues]. The change that matters for users is on [C1:endpoint]: at [C1:load], "
        "[C1:values]."
    ),
    (
        "In this comparison [run:regressed curves] and [run:improved curves]. The main concern is [C1:endpoint]. It is "
        "[C1:slowdown], the change reaches [C1:shape], and it was seen with [C1:confidence]."
    ),
    (
        "Bottom line: [run:verdict]. The slowdown of [C1:endpoint] starts at [C1:affected loads] and affects "
        "[C1:threads]. A second, smaller problem is [C2:endpoint] ([C2:slowdown]). On the positive side, "
        "[C5:endpoint] improved: [C5:slowdown]."
    ),
    (
        "The candidate is slower on an endpoint that people use whenever they save settings. [C1:endpoint] is "
        "[C1:slowdown] over [C1:affected loads], with [C1:interval]. Besides that, [run:newly failing] need to be "
        "explained before the numbers can be trusted in full."
    ),
    (
        "[run:issues] were found. Of these, [C1:endpoint] is the most severe: [C1:slowdown], and "
        "[C1:largest change] at its worst. [C2:endpoint] is [C2:slowdown], but only over [C2:affected loads]."
    ),
    (
        "This run does not look like noise. [C1:curves] of [C1:endpoint] show the same slowdown, and the evidence has "
        "[C1:confidence]. Reading policies became faster: [C5:endpoint] now has [C5:slowdown]."
    ),
    (
        "Users who change settings on large installations will notice this version. [C1:endpoint] takes "
        "[C1:change as measured] "
        "over [C1:affected loads]. The rest of the findings is smaller; [C3:endpoint], for example, is "
        "[C3:slowdown]."
    ),
    (
        "What changed? Mainly [C1:endpoint]: [C1:slowdown] from [C1:affected loads] upwards. What else? "
        "[C2:endpoint] is [C2:slowdown] over [C2:affected loads]. The policy therefore says [run:verdict]."
    ),
    (
        "Between [run:baseline version] and [run:candidate version] the cost of [C1:endpoint] rose considerably "
        "([C1:slowdown]). We see the regression in latency as well as in throughput ([C1:metric]), which makes "
        "a measuring artefact unlikely."
    ),
    (
        "The verdict is [run:verdict], for a good reason: [C1:endpoint] is [C1:slowdown] with [C1:confidence]. "
        "In addition, [run:newly failing] were recorded. Note that [run:inconclusive curves], so the picture is not "
        "complete."
    ),
    (
        "Overall, [run:regressed curves]. The largest regression, [C1:endpoint], is [C1:slowdown]. It concerns "
        "[C1:threads] and does not go away at the highest load."
    ),
    (
        "[C1:endpoint] needs attention. Its response time grew to [C1:values] at [C1:load]. "
        "For [C2:endpoint] the change is [C2:slowdown]. See the deep-dive for the details."
    ),
)

IMPACTS_C1 = (
    "People who save settings wait longer: at [C1:load], [C1:values].",
    ("At [C1:load] with [C1:thread count], [C1:values] - [C1:added time] for each slow request."),
    ("Anyone updating settings on a large installation will feel this. The wait is [C1:added time] at [C1:load]."),
    (
        "Users of [C1:endpoint] see response times of [C1:values] at the worst point. Small "
        "installations, below [C1:affected loads], are spared."
    ),
    "Saving feels sluggish. [C1:values], and this gets no better towards the highest load.",
    "Noticeable for administrators: bulk changes of settings take [C1:change as measured] when there are [C1:load].",
    "The user waits longer for a settings update; the slowdown is [C1:slowdown] over [C1:affected loads].",
    "An administrator who saves settings at [C1:load] waits [C1:added time].",
    (
        "Interactive users would experience delays when saving; scripts that update many policies would take longer as "
        "well, since the server handles fewer requests per second."
    ),
    "Every save is affected once there are [C1:affected loads] or more: [C1:values].",
    ("Requests are served at a lower rate and each takes longer. In the worst case we measured [C1:values]."),
    "Customers with large data sets are hit: [C1:slowdown] over [C1:affected loads] ([C1:shape]).",
    "It's the tail that users will complain about; [C1:values].",
)

REMARKS_C1 = (
    "The change is a [C1:shape] and shows at [C1:threads]. [C1:curves] agree, which speaks against chance.",
    "Latency and throughput moved together ([C1:metric]); the shape is a [C1:shape].",
    (
        "Below [C1:affected loads] the versions are alike; above it the candidate is [C1:slowdown]. This "
        "would fit [catalogue:data_size]."
    ),
    "The pattern may be explained by [catalogue:data_size]; a lock that is held longer is also possible.",
    "[C1:curves], [C1:threads], [C1:interval]: the finding is solid. Its cause is not known from these data.",
    (
        "Since the slowdown starts at [C1:affected loads] and stays, a missing index could be "
        "behind it. The query "
        "plans would tell."
    ),
    (
        "Consistency is high: [C1:reason of the confidence]. The confidence is [C1:confidence] because "
        "[C1:reason of the confidence]."
    ),
    (
        "We cannot tell from the measurements alone why this happens. The onset at [C1:affected loads] suggests "
        "[catalogue:data_size]."
    ),
    "It does not depend on concurrency as far as we can see: [C1:threads] are concerned.",
    ("The slowdown is largest at [C1:load] with [C1:thread count], where we measured [C1:values]."),
    (
        "One possible explanation is [catalogue:contention]; another is [catalogue:data_size]. The former would be "
        "expected to grow with the threads."
    ),
    (
        "A step like this is consistent with a query plan that changes with the size of the data. Compare the plans "
        "on both versions first."
    ),
    (
        "Statistically this is clear ([C1:interval]). Technically, the shape - [C1:shape] - hints at "
        "work that depends on "
        "the data size."
    ),
)

IMPACTS_C2 = (
    "Creating drafts takes longer in the middle of the range: [C2:values] at [C2:load].",
    "Users who create drafts at [C2:load] wait [C2:added time].",
    (
        "Draft creation is slower over [C2:affected loads]; outside that range users should see no difference worth "
        "mentioning."
    ),
    "A user creating a draft will notice a short delay: [C2:values].",
    "[C2:values] - noticeable, though confined to [C2:affected loads].",
    "Slower drafts, [C2:slowdown], for installations of a certain size ([C2:affected loads]).",
    "When there are [C2:load], creating a draft takes [C2:change as measured].",
)

REMARKS_C2 = (
    "The slowdown is limited to [C2:affected loads] and was seen on [C2:curves] only, so repeat it before digging.",
    "A cache that no longer holds the data might explain the onset at [C2:affected loads].",
    "The range is closed on both sides. That speaks against [catalogue:memory_limit], which would be expected to stay.",
    "[catalogue:memory_limit] is a candidate explanation. Cache hit rates on both versions would confirm or refute it.",
    "[C2:slowdown] with [C2:confidence]; a rerun would show whether it is stable.",
    "Nothing in the data says why it ends. Check the cache first.",
    "The interval is [C2:interval], so the size of the change is known fairly well even if its origin is not.",
)

DIVES_C1 = (
    (
        "[C1:affected loads]: [C1:values]. [C1:affected loads]: [C1:values]"
        ". The gap appears suddenly and remains, that is, a [C1:shape]. Intervals exclude chance: [C1:interval]."
    ),
    (
        "Looking at the load points in turn, the curves of both versions run side by side until "
        "[C1:affected loads]. From there on the candidate is [C1:slowdown], and [C1:largest change] at the "
        "extreme. The effect is visible at [C1:threads]."
    ),
    (
        "The affected range is [C1:affected loads]. Within it, [C1:reason of the confidence]. The change was seen in "
        "[C1:metric], on "
        "[C1:curves]. The evidence is strong: [C1:reason of the confidence]."
    ),
    (
        "Technically, the curve has a kink. Up to the onset the cost per request grows as it used to; "
        "beyond it there is "
        "an offset. [C1:shape]. Work that depends on the data size would look like "
        "this, for instance a "
        "missing index."
    ),
    (
        "With [C1:thread count] at [C1:load], the candidate needs [C1:values]"
        ". That "
        "is [C1:change as measured]. If requests were waiting for a lock, fewer threads should help; here "
        "[C1:threads] are affected."
    ),
    (
        "Method: [C1:curves] were judged, the interval is [C1:interval]. Result: [C1:slowdown] in the median, "
        "[C1:largest change] at most. Interpretation: a [C1:shape]."
    ),
    (
        "The regression is steady rather than erratic; neighbouring loads agree with each other "
        "([C1:reason of the confidence]). "
        "Rates and latencies tell the same story."
    ),
)

DIVES_C2 = (
    (
        "A band: [C2:affected loads]. Inside, [C2:slowdown]; the interval is [C2:interval]. Above "
        "the band the curve "
        "returns to the baseline's level."
    ),
    "Only [C2:curves] show this. The worst point is [C2:load] with [C2:values].",
    "[C2:reason of the confidence], but the finding rests on [C2:curves]. Rerun at [C2:load] to make sure.",
    (
        "The shape was read as a [C2:shape]. Since there is no related curve to compare with, the "
        "evidence stays thinner "
        "than for the issue above."
    ),
    "Measured at [C2:load]: [C2:values], i.e. [C2:added time].",
)

DIVES_C3 = (
    "[C3:slowdown] across the whole range ([C3:affected loads]), with [C3:confidence].",
    "A constant offset, [C3:slowdown]. It is small compared to the issues above and was seen at [C3:threads].",
    (
        "The whole curve is shifted; [C3:values]. With [C3:confidence] this should be measured again before any work "
        "starts."
    ),
)

PATTERNS = (
    "[run:pattern 1]. [run:pattern 2]. The slowdown is concentrated on writes.",
    "Slow and fast endpoints separate by what they do: changing data got slower, [C5:endpoint] (reading) got faster.",
    "What the regressions share: [run:pattern 1].",
    "No common factor stands out beyond [run:pattern 1].",
    "Threads matter little; [run:pattern 2], so concurrency alone does not explain the picture.",
    "The affected endpoints lie close together in the API. [run:pattern 1]; [run:pattern 3].",
    "Opposite trends are visible. Settings and drafts become slower with load, while [C5:endpoint] improved.",
)

ACTIONS_C1 = (
    "Profile [C1:endpoint] at [C1:load] with [C1:thread count] on both versions.",
    "Compare the query plans of both versions at [C1:load]; start with the statements behind [C1:endpoint].",
    "First, rerun [C1:endpoint] at [C1:affected loads] and just below it, then profile whichever side is slow.",
    "Capture a profile at [C1:load] in the baseline and in the candidate and look for the extra time.",
    "[catalogue:data_size confirm].",
    (
        "Investigate [C1:endpoint] before anything else: measure at [C1:load], compare query plans, check for a "
        "missing index."
    ),
    "Ask the owners of the endpoint to trace a single slow request at [C1:load]. Check lock waits too.",
    ("Bisect the builds between [run:baseline version] and [run:candidate version] with this endpoint at [C1:load]."),
    "Repeat [C1:endpoint] over [C1:affected loads] with more threads; if it gets worse, look at lock waits.",
    "Verify whether the number of queries per request has changed, at [C1:load].",
    "Take this one first. Run [C1:endpoint] alone at [C1:load] and record where the time goes.",
)

ACTIONS_C2 = (
    "Measure [C2:endpoint] again over [C2:affected loads], including the loads around it.",
    "Then rerun [C2:endpoint] at [C2:load] on both versions to see if the band is reproducible.",
    "Compare cache hit rates at [C2:load].",
    "[catalogue:memory_limit confirm].",
    "Rerun this test with finer load steps between the ends of [C2:affected loads].",
)

ACTIONS_C3 = (
    "Put [C3:endpoint] on the list for the next build and measure it again.",
    "Repeat the measurement of [C3:endpoint]; its confidence is low.",
    "Lower priority: watch [C3:endpoint] in the next run.",
)

PRODUCTION = (
    (
        "[run:issues of moderate severity or worse]; the largest, [C1:endpoint], is [C1:slowdown] and goes on "
        "[C1:shape]."
    ),
    "Capacity for writes shrinks: serving the same traffic on [C1:endpoint] takes [C1:change as measured].",
    (
        "Large installations are at risk, because the slowdown of [C1:endpoint] begins at [C1:affected loads] and "
        "shows no sign of fading."
    ),
    "If production looks like the test, expect longer queues in front of [C1:endpoint] at [C1:load].",
    "The load on the servers would rise with this version: requests to [C1:endpoint] occupy a thread for longer.",
    "High, especially where there are [C1:load] or more. [run:newly failing] add to the uncertainty.",
    "Beyond the measured loads we do not know what happens; within them [C1:endpoint] is [C1:slowdown].",
)

USERS = (
    "Saving settings becomes slow: at [C1:load], [C1:values].",
    "Users will perceive [C1:endpoint] as slower, and [C2:endpoint] to a lesser degree.",
    "Administrators suffer when saving; people who only read benefit from the improvement of [C5:endpoint].",
    "Waiting times of [C1:values] for [C1:endpoint] at [C1:load].",
    "Degraded for anyone who edits policies on a large system.",
    "A visible delay on save. [C1:values].",
    "Longer waits, in particular at [C1:load].",
)

ADVICE = (
    "[run:recommendation]. Urgency is [run:urgency]",
    "[run:recommendation].",
    "As the policy demands: [run:recommendation]. Begin with [C1:endpoint].",
    "[run:recommendation]. After that, measure [C1:endpoint] again over [C1:affected loads].",
    "Our advice follows the policy. [run:recommendation].",
)

# ── single sections, written after the verifier ─────────────────────────────────────────────────────────────────────

LATER = (
    ("headline", "[run:verdict]: significant performance degradation detected in [C1:endpoint]."),
    ("headline", "Performance regression in [C1:endpoint] with [C1:slowdown] over [C1:affected loads]"),
    (
        "summary",
        (
            "The analysis reveals a critical regression in [C1:endpoint], which is [C1:slowdown] over "
            "[C1:affected loads]. Additionally, [C2:endpoint] shows a severe slowdown of [C2:slowdown]. These "
            "issues may affect user experience under load."
        ),
    ),
    (
        "summary",
        (
            "The candidate version [run:candidate version] exhibits notable performance issues compared to "
            "[run:baseline version]. In total, [run:regressed curves]. The verdict is [run:verdict]."
        ),
    ),
    (
        "summary",
        "While [C5:endpoint] improved by [C5:slowdown], the regression of [C1:endpoint] outweighs this benefit.",
    ),
    (
        "summary",
        (
            "Overall, the performance of the system has declined. The most critical issue is [C1:endpoint], where "
            "[C1:values]."
        ),
    ),
    (
        "C1.impact",
        (
            "Users updating policy settings will experience noticeably longer response times, especially at "
            "[C1:load], where [C1:values]."
        ),
    ),
    ("C1.impact", "End users may face significant delays when performing this operation under higher load."),
    ("C1.impact", "Response times increase from the first affected load onwards, leading to a poor user experience."),
    (
        "C1.remark",
        (
            "The regression appears as a [C1:shape] starting at [C1:affected loads], which suggests that the "
            "cost depends on data size."
        ),
    ),
    (
        "C1.remark",
        "The evidence indicates that a missing index or a changed query plan might be responsible for the slowdown.",
    ),
    (
        "C1.remark",
        "The consistent slowdown across [C1:threads] indicates that the issue is not related to concurrency.",
    ),
    (
        "C2.remark",
        "The slowdown is limited to a band of loads, so a cache that no longer holds the data could be involved.",
    ),
    (
        "C1.dive",
        (
            "At [C1:affected loads], the latency jumps: [C1:values]. It remains elevated "
            "until [C1:affected loads], where it is [C1:values]. [C1:evidence data_size]."
        ),
    ),
    ("C1.dive", "The [C1:interval] confirms that the change is statistically significant."),
    (
        "patterns",
        (
            "The regressions are concentrated in write operations: [run:pattern 4]. Read operations such as "
            "[C5:endpoint] improved."
        ),
    ),
    (
        "patterns",
        "A common pattern is that the slowdown starts beyond a certain load, as in [C1:endpoint] and [C2:endpoint].",
    ),
    (
        "C1.action",
        (
            "Profile [C1:endpoint] at [C1:load] with [C1:thread count] and compare the query "
            "plans between the baseline and the candidate."
        ),
    ),
    (
        "C1.action",
        "Analyze the database queries executed by this endpoint at [C1:load] to identify a missing index.",
    ),
    (
        "C2.action",
        (
            "Rerun the test for [C2:endpoint] over [C2:affected loads] to confirm the regression, then check the "
            "cache hit rate."
        ),
    ),
    ("C3.action", "Repeat the measurement of [C3:endpoint] to increase confidence in the result."),
    (
        "production",
        (
            "The affected endpoints would have reduced throughput under heavy load, which might lead to queueing and "
            "longer waits."
        ),
    ),
    ("users", "Users who save settings would experience slower responses, particularly at [C1:load]."),
    ("advice", "[run:recommendation]. Focus on [C1:endpoint] first, as it has the largest impact."),
    ("advice", "Based on the findings, the recommendation is: [run:recommendation]. The urgency is [run:urgency]."),
    ("headline", "[C1:endpoint] shows the largest regression, [C1:slowdown]."),
    ("headline", "Response times of [C1:endpoint] have increased significantly."),
    (
        "summary",
        (
            "This comparison found [run:issues]. The regression in [C1:endpoint] is particularly concerning, as it "
            "affects [C1:threads] and is [C1:slowdown]. It is recommended to look into this endpoint before "
            "anything else."
        ),
    ),
    (
        "summary",
        (
            "For [C1:endpoint], [C1:values]. For [C2:endpoint], [C2:values]. "
            "[C5:endpoint], on the other hand, is faster."
        ),
    ),
    (
        "C1.impact",
        (
            "Users will notice that saving takes longer: [C1:values] at [C1:load]. Below "
            "[C1:affected loads] they will not notice anything."
        ),
    ),
    ("C1.impact", "Operations on large data sets may feel unresponsive."),
    (
        "C1.remark",
        "[C1:evidence data_size]. This is consistent with [catalogue:data_size], although [C1:objection data_size].",
    ),
    ("C1.remark", "Evidence for [catalogue:contention] is weak, since the slowdown is similar at [C1:threads]."),
    ("C2.remark", "The curve recovers after [C2:affected loads], so a permanent limit seems unlikely."),
    (
        "C1.dive",
        (
            "The baseline grows smoothly with the number of policies, while the candidate departs from it at "
            "[C1:affected loads]. The difference amounts to [C1:added time] at the worst load."
        ),
    ),
    (
        "C1.dive",
        (
            "Throughput and latency point in the same direction. The slowdown is [C1:slowdown], with "
            "[C1:largest change] at individual loads."
        ),
    ),
    ("patterns", "[run:pattern 1], and [run:pattern 4]. This suggests that updates are affected more than reads."),
    (
        "C1.action",
        ("Start with [C1:endpoint]: run it at [C1:load] with [C1:thread count] under a profiler in both versions."),
    ),
    ("C2.action", "Next, repeat [C2:endpoint] at [C2:load] to rule out noise."),
    ("C3.action", "Schedule a rerun of [C3:endpoint] to raise the confidence of this finding."),
    (
        "production",
        (
            "Under production load, [C1:endpoint] would need [C1:change as measured], which may put pressure on the "
            "servers."
        ),
    ),
    ("production", "Service quality would degrade mainly on [C1:endpoint], [C1:shape]."),
    ("users", "Users of large installations would be affected most."),
    ("users", "Most affected are administrators who save settings."),
    ("advice", "In line with the policy: [run:recommendation]."),
)
"""Section and text, in the style of language models. Of these and the next, 12 of 48 were refused when new."""

HONEST_BUT_AGAINST_THE_RULES = (
    ("production", "Deploying this version could degrade the performance of [C1:endpoint]."),
    ("summary", "Performance has regressed for several operations. [C1:endpoint] is [C1:slowdown]."),
    ("C1.remark", "Both latency and throughput are affected, which is typical for lock contention."),
)
"""True, but with an amount in words, a cause without a hedge or talk of the decision: refused on purpose."""

# ── without regressions ─────────────────────────────────────────────────────────────────────────────────────────────

QUIET = (
    {
        "headline": "[run:verdict]: no regression was found.",
        "summary": "[run:meaning of the verdict]. Nothing became slower in [run:curves], and [run:improved curves].",
        "patterns": "[C1:endpoint] became faster ([C1:slowdown]) and nothing speaks against it.",
        "production": "No slowdown was found, so the capacity should be what it was or better.",
        "users": "Reading policies is faster: [C1:values].",
        "advice": "[run:recommendation].",
    },
    {
        "headline": "[C1:endpoint] improved, no regression.",
        "summary": "The comparison of [run:baseline version] with [run:candidate version] ends well. The verdict is "
        "[run:verdict]. [C1:endpoint] has [C1:slowdown] over [C1:affected loads].",
        "patterns": "The improvement covers [C1:threads].",
        "production": "Lower cost for [C1:endpoint]; no regression in the measured loads.",
        "users": "Users get answers sooner, by [C1:slowdown].",
        "advice": "[run:recommendation]. Urgency: [run:urgency]",
    },
    {
        "headline": "Faster reads and no slowdown. [run:verdict].",
        "summary": "There is good news: [C1:endpoint] got faster, [C1:slowdown], with [C1:confidence]. No "
        "regression was detected in [run:curves].",
        "patterns": "Only one endpoint changed, [C1:endpoint], and for the better.",
        "production": "The improvement of [C1:endpoint] leaves some headroom.",
        "users": "Shorter waits on [C1:endpoint].",
        "advice": "[run:recommendation].",
    },
    {
        "headline": "[run:verdict] - speed-up on [C1:endpoint].",
        "summary": "Latency of [C1:endpoint] dropped: [C1:values] at [C1:load]. The "
        "change, [C1:slowdown], is beyond chance.",
        "patterns": "The gain is the same at [C1:threads].",
        "production": "Reading costs less than before; we saw no regression.",
        "users": "People will hardly notice, except on [C1:endpoint], which improved.",
        "advice": "[run:recommendation]. A second run would make the improvement of [C1:endpoint] more certain.",
    },
)


def busy(number):
    """The texts of one answer to the sheet of a release with regressions."""
    lists = {
        "headline": HEADLINES,
        "summary": SUMMARIES,
        "C1.impact": IMPACTS_C1,
        "C1.remark": REMARKS_C1,
        "C2.impact": IMPACTS_C2,
        "C2.remark": REMARKS_C2,
        "C1.dive": DIVES_C1,
        "C2.dive": DIVES_C2,
        "C3.dive": DIVES_C3,
        "patterns": PATTERNS,
        "C1.action": ACTIONS_C1,
        "C2.action": ACTIONS_C2,
        "C3.action": ACTIONS_C3,
        "risk.production": PRODUCTION,
        "risk.users": USERS,
        "risk.advice": ADVICE,
    }
    return {section: texts[(number + shift) % len(texts)] for shift, (section, texts) in enumerate(lists.items())}


def quiet(number):
    """The texts of one answer to the sheet of a release with improvements only."""
    texts = QUIET[number]
    return {("risk." + name if name in {"production", "users", "advice"} else name): texts[name] for name in texts}


BUSY, QUIET_COUNT = 56, len(QUIET)
