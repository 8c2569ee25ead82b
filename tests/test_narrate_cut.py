"""An answer that was cut: what is finished of it is a beginning of it, and nothing is made up."""

import json

import pytest

from perftracker_ai.narrate.cut import finished

WHOLE = {
    "a_together": [{"issues": ["C1", "C2"], "why": "path"}, {"issues": ["C1", "C3"], "why": "tail"}],
    "f_remarks": {"C1": 'One is slow. Two "q" and \\ are. Three', "C2": ""},
    "g_commentary": "Hello there. It is so. And the",
}


@pytest.mark.parametrize("at", range(1, len(json.dumps(WHOLE)) + 1))
def test_a_cut_anywhere_leaves_what_is_finished(at):
    """Whatever is cut, what is left is JSON or nothing, and each text in it is a whole one or ends with a sentence."""
    left = finished(json.dumps(WHOLE)[:at])
    if left in ("", json.dumps(WHOLE)):
        return
    read = json.loads(left)
    assert all(name in WHOLE for name in read)
    texts = [*read.get("f_remarks", {}).values(), read.get("g_commentary", "")]
    wholes = [*WHOLE["f_remarks"].values(), WHOLE["g_commentary"]]
    assert all(text in wholes or (text[-1] == "." and any(one.startswith(text) for one in wholes)) for text in texts)


@pytest.mark.parametrize("junk", ["", "I am sorry", "]", "}}", '"', "\\", '{"a', "[" * 1000, '{"a": "x\\'])
def test_what_is_no_document_is_no_fault(junk):
    """Anything at all can be cut: it ends in a text, which need be no JSON."""
    assert isinstance(finished(junk), str)


def test_a_cut_text_keeps_its_sentences():
    """Of the text that was being written the whole sentences stay."""
    text = json.dumps(WHOLE)[:-4]
    assert json.loads(finished(text))["g_commentary"] == "Hello there. It is so."
