"""Forms of triage: their fields, what they are about, and the page that asks once more.

In: values of `views` and `triage`, the visitor's token. Out: `Html`. They work without a script; each says upon which
word it was opened, so that nobody overwrites what they have not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import parts
from perftracker_ai.dashboard.frame import page
from perftracker_ai.dashboard.triage import CLEAR, FIELDS, LONGEST, Decision
from perftracker_ai.render.page.markup import Html, el, join, path, tag
from perftracker_ai.words.numbers import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perftracker_ai.dashboard.triage import Edit
    from perftracker_ai.dashboard.views import Issue, Word

BULK = "triage"
"""Id of the form to which the boxes of a list belong."""
_EMPTY = dict.fromkeys(FIELDS, "")
_AS_IS = "as it is"
_HINT = f" What is blank stays as it is; {CLEAR} empties it."
_NAMED = 9
"""Issues that are named of many."""


def bulk(address: str, token: str) -> Html:
    """Return the form that says the same of all checked issues."""
    return el(
        "form",
        _hidden("token", token),
        el("p", el("b", "Of the checked issues: "), el("output", "", id="checked"), _HINT, class_="of"),
        el("div", *_fields(_EMPTY, as_is=True), el("button", "Apply", type="submit", id="apply"), class_="fields"),
        id=BULK,
        class_="triage bulk",
        method="post",
        action=address,
        aria_label="Triage of the checked issues",
    )


def single(address: str, token: str, one: Issue) -> Html:
    """Return the form of one issue, with what was said last."""
    said = _values(one.word) if one.word else _EMPTY | {"state": Decision.NEW.value}
    return _form(address, token, (one.form,), said, label="Triage", button="Save")


def _form(
    address: str, token: str, targets: Sequence[str], said: Mapping[str, str], *, label: str, button: str
) -> Html:
    return el(
        "form",
        _hidden("token", token),
        _hidden("whole", "1"),
        *(_hidden("issue", one) for one in targets),
        el("div", *_fields(said, as_is=False), el("button", button, type="submit", id="save"), class_="fields"),
        id=BULK,
        class_="triage",
        method="post",
        action=address,
        aria_label=label,
    )


def box(one: Issue) -> Html:
    """Return the box by which an issue of a list is checked."""
    name = f"{one.endpoint} of {one.place.product} {parts.where(one.place)}"
    return tag("input", type="checkbox", name="issue", value=one.form, form=BULK, aria_label=f"Check {name}")


def _fields(said: Mapping[str, str], *, as_is: bool) -> tuple[Html, ...]:
    choices = ([("", _AS_IS)] if as_is else []) + [(one.value, one.value) for one in Decision]
    options = [
        el("option", text, value=value, selected="selected" if value == said["state"] else None)
        for value, text in choices
    ]
    return (
        _label("State", el("select", *options, name="state", id="state")),
        _label("Owner", _input("owner", said["owner"])),
        _label("Note", _input("note", said["note"]) if as_is else _area("note", said["note"]), "long"),
        _label("Ticket", _input("ticket", said["ticket"], placeholder="https://"), "long"),
        _label("Until", _input("until", said["until"], type="text" if as_is else "date", placeholder="YYYY-MM-DD")),
    )


def _label(text: str, field: Html, kind: str = "") -> Html:
    return el("label", el("span", text), field, class_=kind or None)


def _input(name: str, value: str, **more: str) -> Html:
    own = {"type": "text", "maxlength": str(LONGEST.get(name, 10)), "autocomplete": "off"} | more
    return tag("input", name=name, id=name, value=value, **own)


def _area(name: str, value: str) -> Html:
    return el("textarea", value, name=name, id=name, rows=3, maxlength=LONGEST[name])


def _hidden(name: str, value: str) -> Html:
    return tag("input", type="hidden", name=name, value=value)


def _values(word: Word) -> dict[str, str]:
    return {name: getattr(word, name) for name in FIELDS}


# ── asked once more ─────────────────────────────────────────────────────────────────────────────────────────────────


def once_more(  # noqa: PLR0913 - what was sent, by whom, and what became of it
    problem: str,
    edit: Edit,
    issues: Sequence[Issue],
    stale: Sequence[Issue],
    *,
    address: str,
    token: str,
    whole: bool,
) -> str:
    """Return the page that says why nothing was written, with what was sent, to be sent again.

    Parameters
    ----------
    issues, stale : sequence of Issue
        Of which it was said, as they are now; and those of which somebody else said something meanwhile.
    whole : bool
        Whether the form replaces everything, or what is not blank.
    """
    said = {name: getattr(edit, name) or "" for name in FIELDS}
    mine = el("p", "You: ", *_told({name: getattr(edit, name) for name in FIELDS}), class_="mine")
    theirs = [el("li", _theirs(one), class_="theirs") for one in stale]
    form = el(
        "form",
        _hidden("token", token),
        _hidden("whole", "1") if whole else Html(""),
        *(_hidden("issue", one.form) for one in issues),
        el("div", *_fields(said, as_is=not whole), class_="fields"),
        el("button", "Apply mine all the same" if stale else "Apply", type="submit", id="again"),
        el("a", "Leave it as it is", href=address, id="leave"),
        id=BULK,
        class_="triage",
        method="post",
        action=address,
        aria_label="Once more",
    )
    head = (el("h1", "Nothing was written"), el("p", problem))
    both = (el("ul", *theirs, class_="edits"), mine) if stale else ()
    names = join([_named(one) for one in issues[:_NAMED]], ", ")
    about = el("p", f"Of {plural(len(issues), 'issue')}: ", names, class_="sub")
    main = el("section", *both, form, about, aria_label="Edits")
    return page("Nothing was written", "investigate", head, (main,), Html(""))


def _named(one: Issue) -> Html:
    return el("a", path(one.endpoint), href=one.page, class_="endpoint")


def _theirs(one: Issue) -> Html:
    word = one.word
    if word is None:
        return join([_named(one), Html(": what was said is not there any more")])
    who = f", {word.author} on {parts.minute(word.made)}: "
    return join([_named(one), el("span", who), *_told(_values(word))])


def _told(said: Mapping[str, str | None]) -> list[Html]:
    """Return what an edit says, field by field."""
    given = [(name, text) for name, text in said.items() if text]
    shown = [el("span", el("b", name), " ", text) for name, text in given]
    return [join(shown, " · ")] if shown else [Html("nothing in any field")]
