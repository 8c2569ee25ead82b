"""`render.text`: what a job says can be read, and can do nothing else."""

import pytest
from analyses import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from perftracker_ai.words.text import clean, columns, fit, listing, md, sentence, table

COMMONMARK = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def kinds(markdown):
    """The kinds of everything a viewer makes of a Markdown text."""
    return {inner.type for token in COMMONMARK.parse(markdown) for inner in (token, *(token.children or []))}


def shown(markdown):
    """The words a viewer shows of a Markdown text."""
    return "".join(
        inner.content for token in COMMONMARK.parse(markdown) for inner in token.children or [] if inner.type == "text"
    )


def test_control_and_direction_characters_go():
    """Escape sequences, direction overrides and zero-width characters leave no trace; a line break is a space."""
    assert clean("a\x1b[31m\u202eb\u200b\x00c\nd\te\u2028f") == "a[31mbc d e f"


def test_long_text_is_cut_with_an_ellipsis():
    """No piece of foreign text is longer than the limit, and a cut one shows it."""
    assert len(clean("x" * 5000)) == 200
    assert clean("x" * 5000).endswith("x…")
    assert clean("x" * 200) == "x" * 200


@pytest.mark.parametrize("text", ["1.64-4996", "12.6 ms", "GET /api/policy_management/{id}", "p(95) of a, b"])
def test_plain_words_stay_as_they_are(text):
    """Versions, values and paths are not littered with backslashes."""
    assert md(text) == text


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "<script>alert(1)</script>",
        "[a](http://evil.example)",
        "![a](b)",
        "`code`",
        "**bold**",
        "_under_",
        "~~gone~~",
        "# heading",
        "- item",
        "+ item",
        "1. item",
        "1) item",
        "1.",
        "---",
        "===",
        "&lt;b&gt;",
        "a\\",
    ],
)
def test_foreign_text_is_only_text(text):
    """A viewer shows the words of a hostile text and makes nothing else of them, at the start of a line or not."""
    for before in ("", "- ", "x "):
        made = kinds(before + md(text))
        assert made <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"} | (
            {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"} if before == "- " else set()
        )


@settings(deadline=None)
@given(st.text(max_size=250))
def test_any_text_reads_the_same_in_a_viewer(text):
    """Escaping adds nothing to what is read and takes nothing from it."""
    assert shown("x " + md(text)).removeprefix("x").strip() == clean(text).strip()


def test_no_character_of_markup_reaches_html():
    """Even a file taken for HTML holds no tag, and no address a viewer would link by itself."""
    made = md("<b> & http://evil.example WWW.evil.example me@evil.example")
    assert not set("<>@") & set(made)
    assert "://" not in made
    assert "www." not in made.lower()


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(min_value=1, max_value=40))
def test_fitted_text_has_exactly_the_width(text, width):
    """A table in the terminal keeps its columns, whatever the text is made of."""
    assert columns(fit(text, width)) == width


def test_wide_characters_count_twice():
    """Chinese takes two columns a character, a combining accent none."""
    assert columns("日本") == 4
    assert columns("e\u0301") == 1


def test_cell_with_a_bar_stays_one_cell():
    """A bar in a name does not add a column to a table."""
    html = COMMONMARK.render("\n".join(table(("name",), [(md("a|b"),)])))
    assert html.count("<td>") == 1
    assert "a|b" in html


def test_listing_reads_like_a_sentence():
    """Words are joined by commas and one "and"."""
    assert [listing(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_sentence_has_capital_and_stop():
    """A text becomes a sentence, one that already is stays."""
    assert [sentence(text) for text in ("run it", "Run it.", "")] == ["Run it.", "Run it.", ""]
