"""The settings file as text: entries read and written, the file to start from, and what `config` says of it."""

import os
import re
import tomllib
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perftracker_ai.config import FILE_NAME, load
from perftracker_ai.config.file import TEMPLATE, append_entries, entry_text, read_accepts
from perftracker_ai.errors import UsageError
from perftracker_ai.settings import Accept, Settings
from perftracker_ai.words.text import without_secrets

LEAST = {"product": "Shop", "endpoint": "GET /a", "reason": "known", "until": date(2027, 1, 31)}

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
loads = st.tuples(st.floats(0, 1e15), st.floats(0, 1e15)).map(lambda ends: (min(ends), max(ends)))
entries = st.builds(
    Accept,
    product=texts,
    endpoint=texts,
    tag=st.just("") | texts,
    metric=st.just("") | texts,
    loads=st.none() | loads,
    slowdown=st.none() | st.floats(0, 1e6),
    reason=texts,
    until=st.dates(),
)


def holds_secret(entry):
    texts = (entry.product, entry.endpoint, entry.tag, entry.metric, entry.reason)
    return any(without_secrets(text) != text for text in texts)


# ── entries ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(entries, max_size=3))
@example([Accept(**LEAST | {"reason": "0:0@0"})])
def test_what_is_written_is_read_back(tmp_path_factory, written):
    """Whatever an entry holds, it comes back out of the file in signs that all show, or is not put into it."""
    path = tmp_path_factory.getbasetemp() / "read_back.toml"
    path.write_bytes(b"")
    secret = any(map(holds_secret, written))
    with pytest.raises(UsageError, match="password or token") if secret else nullcontext():
        append_entries(path, written)
    text = path.read_bytes().decode()
    assert bool(text) == (bool(written) and not secret)
    if text:
        assert read_accepts(tomllib.loads(text).get("accept", []), "x") == tuple(written)
        assert all(line.isprintable() for line in text.splitlines())


def test_a_reason_with_a_password_is_not_written(tmp_path):
    """An entry that every later command would refuse is refused by the one that would write it."""
    path = tmp_path / FILE_NAME
    secret = Accept(**LEAST | {"reason": "see https://me:s3cret@wiki.example/7"})
    for before in ("", "fail_on = 'never'\n"):
        path.write_text(before)
        with pytest.raises(UsageError, match="holds an address with a password or token") as error:
            append_entries(path, [Accept(**LEAST), secret])
        assert "s3cret" not in str(error.value)
        assert path.read_text() == before


def test_half_a_surrogate_pair_is_written_as_a_question_mark():
    """What TOML cannot hold does not keep an entry from being written."""
    assert 'reason = "a?b"' in entry_text(Accept(**LEAST | {"reason": "a\ud800b"}))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"product": ""}, "has an empty product; say what is accepted, and why."),
        ({"reason": "  "}, "has an empty reason; say what is accepted, and why."),
        ({"endpoint": ""}, 'names no test; give it an endpoint or a tag, "*" for every one.'),
        ({"loads": [5, 4]}, "has loads from 5 to 4; give the lower one first."),
        ({"loads": [5]}, "is not usable: Expected `array` of length 2, got 1 - at `$.loads`; correct it there."),
        ({"loads": [0, float("inf")]}, "is not usable: Expected `float` <= 1000000000000000.0 - at `$.loads[1]`"),
        ({"slowdown": -0.1}, "is not usable: Expected `float` >= 0.0 - at `$.slowdown`; correct it there."),
        ({"until": "soon"}, "is not usable: Invalid RFC3339 encoded date - at `$.until`; correct it there."),
        ({"until": 5}, "is not usable: Expected `date`, got `int` - at `$.until`; correct it there."),
        ({"reasn": "x"}, "There is no key reasn for the [[accept]] entry 1 of x; known keys are product, reason,"),
    ],
)
def test_an_entry_that_is_not_usable_is_refused_with_its_place(fields, said):
    """What is wrong with an entry is said with its number and the file."""
    with pytest.raises(UsageError) as caught:
        read_accepts([LEAST | fields], "x")
    assert "[[accept]] entry 1 of x" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("key", ["product", "reason", "until"])
def test_an_entry_has_to_say_product_reason_and_date(key):
    """What must not be left out is named."""
    with pytest.raises(UsageError, match=f"entry 2 of x is not usable: Object missing required field `{key}`"):
        read_accepts([LEAST, {name: value for name, value in LEAST.items() if name != key}], "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accept = 5", "must be entries that begin with [[accept]]."),
        ("[accept]\nproduct = 'x'", "must be entries that begin with [[accept]]."),
        ("accept = [5]", "must be a table with the keys product, reason, until, endpoint,"),
    ],
)
def test_accept_in_another_form_is_told_how_to_be_written(tmp_path, text, said):
    """Entries that are no tables are refused with what they should be."""
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(UsageError) as caught:
        load({}, {}, directory=tmp_path)
    assert said in str(caught.value)


def test_each_product_gets_its_own_entries(tmp_path):
    """Entries are told apart by the product's exact name, with a table of its own or without."""
    made = [Accept(**LEAST | {"product": name}) for name in ("Shop", "shop", "Mart", "Shop")]
    (tmp_path / FILE_NAME).write_text("".join(map(entry_text, made)) + "[product.Mart.detect]\nmoderate = 0.2\n")
    settings = load({}, {}, directory=tmp_path)
    assert settings.accept == tuple(made)
    assert settings.of_product("Shop").accept == (made[0], made[3])
    assert settings.of_product("Mart").accept == (made[2],)
    assert settings.of_product("Mart").detect.moderate == 0.2
    assert settings.of_product("Other").accept == ()


@given(
    st.sampled_from(["", "seed = 1", "seed = 1\n", "# c\r\nseed = 1\r\n", "\ufeffseed = 1\n", "[detect]\nfdr = 0.1"])
)
def test_entries_stand_behind_what_was_there(tmp_path_factory, before):
    """Whatever a file ends with, an entry can be read behind it, twice as well as once."""
    path = tmp_path_factory.mktemp("x") / FILE_NAME
    if before:
        path.write_bytes(before.encode())
    for _ in range(2):
        append_entries(path, [Accept(**LEAST)])
    assert path.read_bytes().startswith(before.encode())
    assert len(load({}, {}, directory=path.parent).accept) == 2


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_no_entry_is_put_into_a_file_of_another_encoding(tmp_path, encoding):
    """What Notepad saved as UTF-16 can be read, and is not spoilt by an entry in UTF-8."""
    path = tmp_path / FILE_NAME
    path.write_bytes(before := "\ufeffseed = 5\n".encode(encoding))
    with pytest.raises(UsageError, match="is in UTF-16, so no entry can be put into it; save it as UTF-8"):
        append_entries(path, [Accept(**LEAST)])
    assert path.read_bytes() == before


def test_a_pipe_or_a_file_without_end_is_no_place_for_entries(tmp_path):
    """What is no file, or larger than any settings file, is refused without being waited for or read."""
    os.mkfifo(pipe := tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    for path in (pipe, tmp_path / "device"):
        with pytest.raises(UsageError, match="is no file, so no entry can be put into it"):
            append_entries(path, [Accept(**LEAST)])
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(1 << 33)
    with pytest.raises(UsageError, match="is larger than 4 MiB"):
        append_entries(tmp_path / "large", [Accept(**LEAST)])


def test_a_place_where_no_file_can_be_is_named(tmp_path):
    """A settings file inside of what is no folder is a sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be read: not a directory"):
        append_entries(tmp_path / "file" / FILE_NAME, [Accept(**LEAST)])


# ── config init, check, show ────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_to_start_from_changes_nothing(run):
    """`config init` writes a file in which every line is off, and does so once."""
    assert run("config", "init").out == f"{FILE_NAME} written; every line in it is off.\n"
    assert load({}, {}, directory=Path()) == Settings()
    again = run("config", "init")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert f"The settings file {FILE_NAME} is there already; move it away, or edit it." in again.err
    assert run("config", "init", "--config", "other.toml").code == 0


def test_the_file_to_start_from_has_what_gets_to_the_server():
    """Whoever sits behind a gateway finds in the file how to get through it, and how long the server is waited for."""
    wanted = {"timeout_s", "retry_s", "ca_bundle"} | {
        name for name in Settings.__struct_fields__ if name.startswith(("gateway_", "client_", "netrc"))
    }
    assert wanted <= set(re.findall(r"(?m)^# (\w+) =", TEMPLATE))


def test_every_line_of_the_file_to_start_from_is_right(tmp_path):
    """With every "#" taken away it is a valid file, and the values it shows as defaults are the defaults."""
    on = re.sub(r"(?m)^# (?=[\[a-z]+.*[=\]])", "", TEMPLATE)
    (tmp_path / FILE_NAME).write_text(on)
    settings = load({}, {}, directory=tmp_path)
    assert (settings.url, settings.of_product("NAME").detect.moderate) == ("https://perftracker.example", 0.2)
    assert settings.defaults.detect == Settings().defaults.detect
    assert settings.defaults.policy == Settings().defaults.policy
    assert (settings.fail_on, settings.llm, settings.model) == (Settings().fail_on, Settings().llm, Settings().model)
    assert len(settings.accept) == 1


def test_a_file_that_is_fine_is_called_fine(run):
    """`config check` names the file it read, or says that there is none."""
    assert "There is no perftracker-ai.toml here or above" in run("config", "check").out
    Path(FILE_NAME).write_text("seed = 5\n")
    assert run("config", "check").out == f"{Path(FILE_NAME).resolve()} is fine.\n"


def test_a_file_that_is_wrong_is_refused_with_what_is_wrong(run):
    """`config check` ends with 2 and the sentence of the run."""
    Path(FILE_NAME).write_text("[detect]\nmoderat = 0.2\n")
    ran = run("config", "check")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean detect.moderate?" in ran.err


def test_every_setting_is_shown_with_where_it_comes_from(run, monkeypatch):
    """`config show` names default, file, environment and another program's variable, and each product's own values."""
    monkeypatch.setenv("PERFTRACKER_AI_SEED", "7")
    monkeypatch.setenv("PERFTRACKER_AI_DETECT_SEVERE", "0.6")
    monkeypatch.setenv("OLLAMA_HOST", "http://gpu.example:11434")
    text = "seed = 5\nreports_dir = 'r'\n[detect]\nfdr = 0.1\n[product.'A B'.detect]\nmoderate = 0.2\nsevere = 0.9\n"
    Path(FILE_NAME).write_text(text + entry_text(Accept(**LEAST)))
    place = str(Path(FILE_NAME).resolve())
    lines = dict(line.split("  # ") for line in run("config", "show").out.splitlines())
    shown = {key.strip(): origin for key, origin in lines.items()}
    assert shown["seed = 7"] == "environment, PERFTRACKER_AI_SEED"
    assert (
        shown['reports_dir = "r"'] == shown["detect.fdr = 0.1"] == shown["product.A B.detect.moderate = 0.2"] == place
    )
    assert shown["product.A B.detect.severe = 0.6"] == "environment, PERFTRACKER_AI_DETECT_SEVERE"
    assert shown['llm_url = "http://gpu.example:11434"'] == "environment, another program's variable"
    assert shown["detect.moderate = 0.15"] == "default"
    assert shown["[[accept]] GET /a of Shop"] == place


def test_secrets_are_not_shown(run, monkeypatch):
    """Neither a key nor what stands before the @ of an address is printed."""
    monkeypatch.setenv("OLLAMA_API_KEY", "sesame")
    Path(FILE_NAME).write_text("url = 'https://user:sesame@pt.example'\n")
    ran = run("config", "show")
    assert ran.code == 0
    assert "sesame" not in ran.out + ran.err
    assert 'url = "https://***@pt.example"' in ran.out
    assert "llm_api_key = (set, not shown)" in ran.out
