"""The dashboard: what was compared and kept, as pages that a team looks at every morning.

In: rows of a store, or of a folder of reports. Out: pages, the same values as JSON, a badge. Everything but `app` is
pure: rows become values (`views`), values become HTML (`home`, `inbox`, `product`). Lists are queries: nothing is
analysed while somebody waits, and nothing is ever written.
"""
