"""The data to take along: the results file, packed into the page as far as it fits.

In: bytes of the results file. Out: `Html`.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING

from perftracker_ai.render.page.markup import Html, el

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_LIMIT = 950_000
"""Characters of the page from which it does without the data to take along: servers refuse files of 1 MB."""


def download(result: bytes, *, taken: int) -> Iterator[Html]:
    """Yield the link to the results file, where there is room for it behind the characters taken so far."""
    address = "data:application/gzip;base64," + base64.b64encode(packed_result(result)).decode()
    if len(address) > PAGE_LIMIT - taken:
        yield el("p", "The results file is too large to be put into this page; it lies beside it as result_v2.json.")
        return
    link = Html(f'<a class="button" download="result_v2.json.gz" href="{address}">Download all data</a>')
    words = (
        " every number of this page, unrounded, as JSON packed with gzip. What a number on the page is called there "
    )
    yield el("p", link, words, "stands in its attribute ", el("code", "data-fact"), ".", class_="download")


def packed_result(result: bytes) -> bytes:
    """Pack the results file with gzip, without a time stamp: the same analysis gives the same page."""
    gzip_header = 16
    packer = zlib.compressobj(3, zlib.DEFLATED, zlib.MAX_WBITS + gzip_header)
    return packer.compress(result) + packer.flush()
