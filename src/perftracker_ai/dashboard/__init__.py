"""The dashboard: what was compared and kept, as pages that a team looks at every morning.

In: rows of a store, or of a folder of reports, and forms. Out: pages, the same values as JSON, a badge, a feed; what
people say of issues. Rows become values (`views`, `endpoint`, `noise`), values become HTML; `gate` and `app` are HTTP.
Lists are queries: nothing is analysed while somebody waits, and what is asked for to be compared is compared elsewhere.
"""
