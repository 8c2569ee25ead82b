"""Every link of the dashboard leads somewhere: all addresses that its pages name are asked for."""

import json
import re
from collections import deque
from html import unescape
from urllib.parse import urljoin, urlsplit

from dashboards import ask, demo_board

HREF = re.compile(r'<(?:a|form)\b[^>]*? (?:href|action)="([^"]*)"')
MOST, MOST_REPORTS = 150, 4


def crawl(app):
    """Ask for the first page and for whatever is linked from there, and give the answers by address."""
    answers, waiting, left = {}, deque(["/"]), {True: MOST_REPORTS, False: MOST}
    while waiting:
        address = waiting.popleft()
        report = address.startswith(("/c/", "/api/v1/c/"))  # one for each night, and each takes long
        if address in answers or not left[report]:
            continue
        left[report] -= 1
        answers[address] = ask(app, address)
        waiting.extend(urljoin(address, link).partition("#")[0] for link in links(answers[address]))
    return answers


def links(answer):
    """Return what a page links, data in it left out."""
    html = answer.text if answer.headers["content-type"].startswith("text/html") else ""
    return [unescape(link) for link in HREF.findall(html) if not link.startswith("data:")]


def test_every_link_leads_somewhere(demo):
    """No link of any page leads out, to an error, to what is no page and no data, or to a place that the page lacks."""
    with demo_board(demo) as app:
        crawled = crawl(app)
    assert {address for address, answer in crawled.items() if answer.status != 200} == set()
    assert {urlsplit(link).netloc for answer in crawled.values() for link in links(answer)} == {""}
    for beginning in ("/issues", "/p/Shop", "/c/", "/j/", "/compare", "/audit", "/api/v1/p/", "/api/v1/issues"):
        assert any(address.startswith(beginning) for address in crawled), beginning
    for address, answer in crawled.items():
        if address.startswith("/api/"):
            json.loads(answer.body)
    anchors = {urljoin(address, link) for address, answer in crawled.items() for link in links(answer) if "#" in link}
    known = {link for link in anchors if link.partition("#")[0] in crawled}
    lost = {link for link in known if f' id="{link.partition("#")[2]}"' not in crawled[link.partition("#")[0]].text}
    assert len(known) > 20
    assert lost == set()
