"""No output shows a secret of the settings, wherever it was written, of whatever type, and however oddly."""

import io
import json
import os
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shop import put, shop_jobs

from perftracker_ai.cli import main
from perftracker_ai.config import PREFIX
from perftracker_ai.settings import Accept, Channel, ProductSettings, Settings
from perftracker_ai.words.text import without_secrets

pytestmark = pytest.mark.slow
SECRET = "Zq7SECRETxK"

ADDRESSES = (
    "https://u:{}@h.example/",
    "https://{}@h.example",
    "https://u:a@{}@h.example/x",
    "https://u:p/{}@h.example/",
    "https://u:p?{}#@h.example/",
    "https://h.example/?token={}",
    "https://h.example/?mail=a@{}",
    "https://h.example/#{}",
    "https://u:{}",
    "http://127.0.0.1:9/?key={}",
    "slack://{}/a/b",
    "mailtos://u:{}@mail.example",
    "nosuch+scheme://x/{}",
    "postgresql://u:{}@127.0.0.1:9/perf",
    "postgresql://u:a@{}@127.0.0.1:9/perf",
    "postgresql:/u:{}@127.0.0.1:9/perf",
    "mysql://u:{}@127.0.0.1/perf",
    "u:{}@h.example",
    "HTTPS://u:{}@H.example:99999/",
    " https://u:{}@h.example",
)
"""Every way to write an address with a password that a slip of the hand gives."""

RUN = sorted(set(Settings.__struct_fields__) - {"defaults", "products", "channels"})
INNER = [f"{part}.{name}" for part in ("discovery", "curves", "detect", "policy", "nosuch", "llm", "notify")
         for name in (*getattr(ProductSettings(), part, Channel(name="")).__struct_fields__, "password")]  # fmt: skip
WORDLESS = [key for key, value in ((k, getattr(Settings(), k)) for k in RUN) if not isinstance(value, str)]
"""Settings of the run that are no text: a bare word there is a secret in the wrong place."""


def toml(value):
    """Write a value as TOML does."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else json.dumps(value)


addresses = st.sampled_from(ADDRESSES).map(lambda form: form.format(SECRET))
values = st.recursive(
    addresses,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2) | st.dictionaries(st.sampled_from(["a", "url"]), inner, min_size=1)
    ),
    max_leaves=3,
)
bare = st.just(SECRET) | st.just([SECRET]) | st.just({"url": SECRET})


@st.composite
def files(draw):
    """Draw a settings file that holds the secret once, in a place where it may or may not belong."""
    value = draw(values)
    entry = draw(st.sampled_from([*Channel.__struct_fields__, *Accept.__struct_fields__, "password"]))
    sound = {
        "notify": {"name": "team", "url": "json://h.example"},
        "accept": {"product": "Shop", "endpoint": "*", "reason": "known", "until": "2099-01-01"},
    }
    kind = draw(st.sampled_from(["notify", "accept"]))
    sound[kind][entry] = value
    lines = "\n".join(f"{key} = {toml(item)}" for key, item in sound[kind].items())
    section, _, name = draw(st.sampled_from(INNER)).partition(".")
    inner = draw(values | bare) if section in ("nosuch", "llm", "notify") else value
    return draw(
        st.sampled_from(
            [
                f"{draw(st.sampled_from(RUN))} = {toml(value)}\n",
                f"{draw(st.sampled_from(WORDLESS))} = {toml(draw(bare))}\n",
                f"llm_api_key = {toml(draw(bare))}\n",
                f"store = {toml(value)}\n",
                f"[{section}]\n{name} = {toml(inner)}\n",
                f"[product.Shop.{section}]\n{name} = {toml(value)}\n",
                f'[product."{draw(addresses)}".detect]\nmoderate = 0.2\n',
                f'[["{draw(addresses)}"]]\n["{draw(addresses)}"]\n',
                f'"{draw(addresses)}" = 1\n"{draw(addresses)}" = 1\n',
                f"url = {toml(value)}\nurl = {toml(value)} and more\n",
                f"x = {{ {toml(draw(addresses))} = 1, {toml(draw(addresses))} = 2 }}\n",
                f"[[{kind}]]\n{lines}\n",
                f"[{kind}]\n{lines}\n",
            ]
        )
    )


def told(arguments, folder):
    """Run the tool, and give everything it said and wrote, a crash's own words among it."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        assert main([*map(str, arguments)]) in (0, 2)
    written = [path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file()]
    return "\n".join([said.getvalue(), *written, *map(str, folder.rglob("*"))])


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    return put(tmp_path_factory.mktemp("jobs"), *shop_jobs())


def outputs(settings_file, jobs, *more):
    """Give what every command that reads settings tells under these ones."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder, out = Path(name), Path(name) / "out"
        out.mkdir()
        patch.chdir(out)
        file = folder / "settings.toml"
        file.write_text(settings_file)
        asked = ("--config", file, *more)
        commands = (
            ("config", "show", "--config", file),
            ("config", "check", "--config", file),
            ("analyze", *sorted(jobs.glob("*.json"))[:2], *asked),
            ("doctor", "--product", "Shop", *asked),
            ("jobs", "--product", "Shop", *asked),
            ("analyze", "--product", "Shop", "--notify", "--verbose", *asked),
        )
        return "\n".join(told(arguments, out) for arguments in commands)


@settings(max_examples=25)
@given(text=files())
def test_no_secret_of_a_settings_file_is_shown(jobs, text):
    """Wherever an address or a key stands in the file, no command says or writes it."""
    assert SECRET not in outputs(text, jobs)


@settings(max_examples=15)
@given(name=st.sampled_from([key.upper().replace(".", "_") for key in (*RUN, *INNER)]), value=addresses)
def test_no_secret_of_the_environment_is_shown(jobs, name, value):
    """Nor one that stands in a variable of ours, known or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, PREFIX + name, value)
        assert SECRET not in outputs("", jobs)


OPTIONS = (
    "--url",
    "--llm-url",
    "--store",
    "--output-dir",
    "--reports-dir",
    "--ca-bundle",
    "--model",
    "--project",
    "--hardware",
    "--baseline-version",
    "--junit",
    "--timeout",
    "--fail-on",
    "--nosuch",
    "--product",
    "--rerun",
)


@settings(max_examples=15)
@example(option="--product", value=f"https://{SECRET}@h.example")
@given(option=st.sampled_from(OPTIONS), value=addresses)
def test_no_secret_of_the_command_line_is_shown(jobs, option, value):
    """Nor one given as an option or a job, in the right place or a wrong one."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.chdir(name)
        for arguments in (("--product", "Shop", "--url", jobs, option, value), (value, "2"), ("1", "2", option, value)):
            assert SECRET not in told(("analyze", *arguments), Path(name))


def test_borrowed_variables_are_not_shown(jobs, monkeypatch):
    """Nor the keys and addresses of a language model that are taken from other programs' variables."""
    monkeypatch.delenv(PREFIX + "LLM")
    for form in ADDRESSES[::5]:
        monkeypatch.setenv("OLLAMA_HOST", form.format(SECRET))
        monkeypatch.setenv("OLLAMA_API_KEY", SECRET)
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        assert SECRET not in outputs("llm_timeout_s = 1\n", jobs)


@pytest.mark.parametrize("form", ADDRESSES)
def test_an_address_keeps_no_secret(form):
    """Of whatever form, an address in a sentence is shown without what may be secret in it."""
    text = f"There is no folder {form.format(SECRET)}; give another."
    assert SECRET not in without_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9000 (/api/v1.0/1/job/?start=0) answered 500.",
        "write it like https://perftracker.example:9000.",
        "Recording in postgresql://localhost/perf",
        "give postgresql://user@host/database.",
        "https://[::1]:8080/perftracker has no job",
        "No Dask scheduler answers at tcp://10.0.0.1:8786; start one",
        "a server's address begins with http:// or https://.",
        "mail perf@shop.example about GET /a:b",
    ],
)
def test_an_address_without_a_secret_stays(text):
    """What hides nothing is shown as it is."""
    assert without_secrets(text) == text
