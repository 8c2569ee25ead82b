"""A product's past judged again, night by night, with what was known then: how far to trust the verdicts on its data.

In: the jobs of a product on one hardware and suite, and what was said of each pair of them under each set of criteria.
Out: which pairs are judged, changes put into pairs in which nothing changed, what became of every issue, and the
figures of it all as a value, as text, as Markdown, as a page and as JSON. What jobs measured is read, and judged,
elsewhere.
"""
