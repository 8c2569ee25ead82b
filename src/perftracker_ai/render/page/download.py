"""The data to take along: the results file, packed into the page as far as it fits.

In: bytes of the results file. Out: `Html`.
"""

from __future__ import annotations

import base64
import re
import zlib
from typing import TYPE_CHECKING

from perftracker_ai.render.page.markup import Html, el

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_LIMIT = 950_000
"""Characters of the page from which it does without the data to take along: servers refuse files of 1 MB."""

WHOLE = 800_000
"""Bytes of a results file up to which all of it is put into the page."""

FAST, SMALL = 3, 9
"""Levels of gzip: the usual one, and the one for what does not fit otherwise, which takes five times as long."""

_TIMES = re.compile(rb'"(begin|end)":\[\[([^"]*)\]\](?=,"(?:end|result)":)')


def download(result: bytes, *, taken: int) -> Iterator[Html]:
    """Yield the link to the results file, where there is room for it behind the characters taken so far.

    Of a large one the times of the single points are left out: they take half of its room, and none is on the page.
    """
    large = len(result) > WHOLE
    content, room = _without_times(result) if large else result, PAGE_LIMIT - taken
    address = _address(content, FAST)
    address = address if len(address) <= room else _address(content, SMALL)
    if len(address) > room:
        yield el("p", "The results file is too large to be put into this page; it lies beside it as result_v2.json.")
        return
    link = Html(f'<a class="button" download="result_v2.json.gz" href="{address}">Download all data</a>')
    beside = " When each point was measured stands in result_v2.json beside the page alone." if large else ""
    words = (
        " every number of this page, unrounded, as JSON packed with gzip. What a number on the page is called there "
    )
    yield el("p", link, words, "stands in its attribute ", el("code", "data-fact"), f".{beside}", class_="download")


def _address(content: bytes, level: int) -> str:
    return f"data:application/gzip;base64,{base64.b64encode(_packed(content, level)).decode()}"


def _packed(content: bytes, level: int) -> bytes:
    """Pack with gzip, without a time stamp: the same analysis gives the same page."""
    gzip_header = 16
    packer = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS + gzip_header)
    return packer.compress(content) + packer.flush()


def _without_times(result: bytes) -> bytes:
    """Put null for the times of the curves' points, which the results may say of any; all else stays as it is."""
    return _TIMES.sub(_unknown, result)


def _unknown(found: re.Match[bytes]) -> bytes:
    rows = (b",".join([b"null"] * (row.count(b",") + 1)) for row in found[2].split(b"],["))
    return b'"%b":[[%b]]' % (found[1], b"],[".join(rows))
