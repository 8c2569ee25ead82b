"""Settings come from four places in one order, and whatever is wrong with them is one sentence."""

import pytest
from msgspec import structs

from perftracker_ai.config import FILE_NAME, PREFIX, load
from perftracker_ai.errors import UsageError
from perftracker_ai.settings import ProductSettings, Settings


@pytest.fixture
def given_settings(tmp_path):
    """Load settings from the text of a file, variables without their prefix, and flags."""

    def read(text="", variables=None, flags=None):
        file = tmp_path / FILE_NAME
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        environ = {PREFIX + name: value for name, value in (variables or {}).items()}
        return load(flags or {}, environ, directory=tmp_path)

    return read


def refused(read, *given, **named):
    """Give the sentence that refuses these settings."""
    with pytest.raises(UsageError) as caught:
        read(*given, **named)
    sentence = str(caught.value)
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence.rstrip("\n")
    return sentence


# ── precedence ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_anything_the_defaults_stand(tmp_path):
    """No file, no variable and no flag give the defaults, for any product."""
    settings = load({"url": None}, {"HOME": "/root", "PERFTRACKER": "x"}, directory=tmp_path)
    assert settings == Settings()
    assert settings.of_product("Shop") == ProductSettings()


LAYERS = ("flag", "environment", "product table", "file", "default")


@pytest.mark.parametrize("highest", LAYERS)
def test_the_highest_of_all_places_decides(given_settings, highest):
    """Command line over environment over a product's table over the file over the default."""
    there = LAYERS[LAYERS.index(highest) :]
    text = "[detect]\nmoderate = 0.20\n" if "file" in there else ""
    text += "[product.Shop.detect]\nmoderate = 0.21\n" if "product table" in there else ""
    variables = {"DETECT_MODERATE": "0.22"} if "environment" in there else {}
    flags = {"detect.moderate": 0.23} if "flag" in there else {"detect.moderate": None}
    settings = given_settings(text, variables, flags)
    expected = {"flag": 0.23, "environment": 0.22, "product table": 0.21, "file": 0.20, "default": 0.15}
    assert settings.of_product("Shop").detect.moderate == expected[highest]
    assert settings.of_product("Mart").detect.moderate == {**expected, "product table": 0.20}[highest]


def test_a_products_table_keeps_what_it_does_not_say(given_settings):
    """What a product's table leaves out comes from the file, then from the defaults."""
    settings = given_settings("[detect]\nsevere = 0.6\n[product.Shop.detect]\ncritical = 2\n").of_product("Shop")
    assert (settings.detect.moderate, settings.detect.severe, settings.detect.critical) == (0.15, 0.6, 2.0)


def test_products_are_told_apart_by_their_exact_name(given_settings):
    """A table belongs to the product of that very name, dots and blanks included."""
    settings = given_settings('[product."Shop 2.0".policy]\nblock_severe = 9\n')
    assert settings.of_product("Shop 2.0").policy.block_severe == 9
    assert settings.of_product("shop 2.0").policy.block_severe == 3


def test_every_setting_can_be_given_in_the_environment(given_settings):
    """Run settings go by their name, others by their table's name before it."""
    variables = {
        "URL": "https://pt.example",
        "PROJECT": "0",
        "INSECURE": "true",
        "FAIL_ON": "severe",
        "DISCOVERY_HARDWARE": "bg-f1",
        "DISCOVERY_RERUN_DAYS": "30",
        "CURVES_LOAD_PATTERN": r"(\d+) rows",
        "POLICY_MIN_COMPARED": "0.9",
    }
    settings = given_settings(variables=variables)
    assert (settings.url, settings.project, settings.insecure) == ("https://pt.example", 0, True)
    assert settings.fail_on == "severe"
    assert (settings.defaults.discovery.hardware, settings.defaults.discovery.rerun_days) == ("bg-f1", 30)
    assert settings.defaults.curves.load_pattern == r"(\d+) rows"
    assert settings.defaults.policy.min_compared == 0.9


def test_every_default_is_a_value_its_setting_takes(given_settings):
    """Each setting of the run, given as its own default, is accepted and changes nothing."""
    tables = {"defaults", "products", "accept", "channels", "dashboard"}
    flags = {f.name: f.default for f in structs.fields(Settings) if f.name not in tables}
    own = [one for one in structs.fields(ProductSettings) if one.name not in tables]
    for section in (*own, *(one for one in structs.fields(Settings) if one.name == "dashboard")):
        flags |= {f"{section.name}.{f.name}": f.default for f in structs.fields(section.default)}
    assert given_settings(flags=flags) == Settings()


# ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_nearest_file_upwards_is_taken(tmp_path):
    """The search goes from the folder itself upwards and stops at the first file."""
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    (tmp_path / FILE_NAME).write_text("seed = 1\n")
    assert load({}, {}, directory=inner).seed == 1
    (tmp_path / "a" / FILE_NAME).write_text("seed = 2\n")
    assert load({}, {}, directory=inner).seed == 2
    (inner / FILE_NAME).write_text("seed = 3\n")
    assert load({}, {}, directory=inner).seed == 3


def test_a_folder_of_that_name_is_passed_over(tmp_path):
    """What is named like the settings file and is none does not end the search."""
    (tmp_path / FILE_NAME).write_text("seed = 1\n")
    (tmp_path / "a" / FILE_NAME).mkdir(parents=True)
    assert load({}, {}, directory=tmp_path / "a").seed == 1


def test_a_folder_that_must_not_be_looked_into_is_passed_over(tmp_path):
    """What the system refuses on the way up is no reason to stop."""
    (tmp_path / FILE_NAME).write_text("seed = 1\n")
    assert load({}, {}, directory=tmp_path / ("x" * 300)).seed == 1


def test_a_file_that_is_named_is_taken_instead_of_searching(tmp_path):
    """A file given by name stands for the nearest one, which is not read at all."""
    (tmp_path / FILE_NAME).write_text("this is [not TOML")
    other = tmp_path / "other.toml"
    other.write_text("seed = 5\n")
    assert load({}, {}, directory=tmp_path, file=other).seed == 5


def test_a_mark_at_the_beginning_of_the_file_does_not_matter(given_settings):
    """A byte order mark, as some editors write it, is no part of the settings."""
    assert given_settings(b"\xef\xbb\xbfseed = 7\n").seed == 7


@pytest.mark.parametrize(
    "content",
    [b"seed = ", b"= 5", b"seed = 1\nseed = 2", b"url = '\xff'", b"seed = " + b"1" * 5000, b"a = " + b"[" * 5000],
    ids=["cut off", "no key", "twice", "not UTF-8", "thousands of digits", "thousands of brackets"],
)
def test_a_file_that_is_not_toml_is_refused_by_name(given_settings, tmp_path, content):
    """What cannot be read as TOML names the file and the place."""
    assert refused(given_settings, content).startswith(f"The settings file {tmp_path / FILE_NAME} is not valid TOML (")


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path):
    """A named file that is missing, or a folder, is told with the reason."""
    missing = tmp_path / "none.toml"
    sentence = refused(load, {}, {}, directory=tmp_path, file=missing)
    assert sentence.startswith(f"The settings file {missing} cannot be read: no such file or directory;")
    assert "is a directory" in refused(load, {}, {}, directory=tmp_path, file=tmp_path)


# ── unknown keys ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("ulr = 'x'", "ulr", "url"),
        ("report_dir = 'x'", "report_dir", "reports_dir"),
        ("[detect]\nmoderat = 0.2", "detect.moderat", "detect.moderate"),
        ("[detct]\nmoderate = 0.2", "detct", "detect"),
        ("[detect.inner]\nmoderate = 0.2", "detect.inner", "detect.minor"),
        ("[defaults]\nseed = 2", "defaults", None),
    ],
)
def test_an_unknown_key_in_the_file_is_refused_with_the_nearest(given_settings, tmp_path, text, key, nearest):
    """A mistyped key names itself, its place and what was probably meant."""
    sentence = refused(given_settings, text)
    assert sentence.startswith(f"There is no setting {key} (in {tmp_path / FILE_NAME}); ")
    assert nearest is None or sentence.endswith(f"did you mean {nearest}?")


def test_an_unknown_variable_is_refused_with_the_nearest(given_settings):
    """A mistyped variable of ours is not silently without effect."""
    sentence = refused(given_settings, variables={"DISCOVERY_HARDWAER": "x"})
    assert sentence == ("There is no setting discovery.hardwaer (in the environment); did you mean discovery.hardware?")


def test_an_unknown_key_in_a_products_table_is_refused_with_the_nearest(given_settings, tmp_path):
    """A mistyped key of one product names the product."""
    sentence = refused(given_settings, "[product.Shop.polcy]\nblock_severe = 2")
    assert sentence == f"There is no setting polcy (in {tmp_path / FILE_NAME}, product Shop); did you mean policy?"


def test_a_table_within_a_products_table_is_not_passed_over(given_settings):
    """A product inside a product is no setting, and says so."""
    assert "There is no setting product (" in refused(given_settings, "[product.Shop.product.Mart]\nx = 1")


def test_a_key_like_no_other_is_refused_with_all_there_are(given_settings):
    """Without a near name the known ones are listed."""
    sentence = refused(given_settings, "zzzz = 1")
    assert "known keys are url, project, output_dir" in sentence
    assert sentence.endswith("and tables discovery, curves, detect, policy, source, dashboard.")


def test_a_table_given_as_a_value_is_told_how_to_be_written(given_settings):
    """A section that is no table says that it must be one."""
    assert refused(given_settings, "detect = 5").endswith("must be a table such as [detect].")


@pytest.mark.parametrize("text", ["product = 'Shop'", "[product]\nShop = 5", "[[product]]\nname = 'Shop'"])
def test_products_that_are_no_tables_are_told_how_to_be_written(given_settings, text):
    """Products given in another form than tables are refused with an example."""
    assert refused(given_settings, text).endswith("must be tables such as [product.GRPM.detect].")


def test_a_setting_of_the_whole_run_is_refused_in_a_products_table(given_settings):
    """Where jobs come from cannot differ between the products of one run."""
    sentence = refused(given_settings, "[product.Shop]\nurl = 'x'")
    assert "The setting url in" in sentence
    assert sentence.endswith("belongs to the whole run, not to product Shop.")


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("project = 'one'", "The setting project is 'one' in "),
        ("project = true", "Expected `int`, got `bool`"),
        ("project = 1.5", "Expected `int`"),
        ("project = -1", "Expected `int` >= 0"),
        ("url = 5", "Expected `str`, got `int`"),
        ("url = ['x']", "Expected `str`, got `array`"),
        ("insecure = 'perhaps'", "Expected `bool`"),
        ("fail_on = 'minor'", "one of never, moderate, severe, critical, investigate, block"),
        ("[detect]\nmoderate = 'much'", "The setting detect.moderate is 'much' in "),
        ("[detect]\nmoderate = -0.1", "Expected `float` >= 0.0"),
        ("[detect]\nmoderate = nan", "Expected `float` >= 0.0"),
        ("[detect]\ncritical = inf", "Expected `float` <= 1000000.0"),
        ("[detect]\nfdr = 5", "Expected `float` <= 1.0"),
        ("[policy]\nmin_compared = 50", "Expected `float` <= 1.0"),
        ("[policy]\nblock_severe = -1", "Expected `int` >= 0"),
        ("[discovery]\nlocal_labels = [1]", "Expected `str`, got `int` - at `$[0]`"),
        ("[discovery]\nlocal_labels = 5", "Expected `array`, got `int`"),
        ("[curves]\nless_better = 'rate'", "Expected `array`, got `str` - at `$[0]`"),
        ("[curves]\nless_better = {rate = 'perhaps'}", "Expected `bool`"),
        ("[curves]\nload_pattern = '('", "it takes a regular expression with one group."),
        ("[curves]\nload_pattern = 'rows'", "it takes a regular expression with one group."),
        ("[discovery]\nversion_from = 'heading: (.*)'", "it takes title, command or link NAME"),
    ],
)
def test_a_value_of_another_kind_or_range_is_refused_with_what_is_wanted(given_settings, text, part):
    """A wrong value names its key, itself, and what the key takes."""
    assert part in refused(given_settings, text)


def test_a_wrong_value_names_the_place_it_stands_in(given_settings, tmp_path):
    """Environment, command line, file and product each say where the wrong value is."""
    assert "in the environment: " in refused(given_settings, variables={"PROJECT": "x"})
    assert "in the command line: " in refused(given_settings, flags={"project": -1})
    assert f"in {tmp_path / FILE_NAME}: " in refused(given_settings, "project = -1")
    wrong = "[product.Shop.detect]\nfdr = 7"
    assert f"in {tmp_path / FILE_NAME}, product Shop: " in refused(given_settings, wrong)


def test_an_empty_variable_is_unset(given_settings):
    """A variable that a pipeline sets to nothing leaves its setting as it was, whatever the setting takes."""
    tables = {"defaults", "products", "accept", "channels", "dashboard"}
    names = [f.name for f in structs.fields(Settings) if f.name not in tables]
    for section in structs.fields(ProductSettings):
        names += [f"{section.name}_{f.name}" for f in structs.fields(section.default)] if section.default != () else []
    assert given_settings("", {name.upper(): "" for name in (*names, "nosuch")}) == Settings()


def test_lists_come_from_toml_and_from_text_with_commas(given_settings):
    """A list in the file and its words between commas in the environment are the same."""
    in_file = given_settings("[discovery]\nignored_hardware = ['old 1', 'b']\nlocal_labels = []\n")
    in_environment = given_settings(
        variables={"DISCOVERY_IGNORED_HARDWARE": " old 1,, b ,", "DISCOVERY_LOCAL_LABELS": ","}
    )
    assert in_file == in_environment
    assert in_file.defaults.discovery.ignored_hardware == ("old 1", "b")
    assert in_file.defaults.discovery.local_labels == ()


def test_directions_are_a_table_in_the_order_written(given_settings):
    """Pieces of tags keep their order, for the first that fits decides."""
    curves = given_settings("[curves.less_better]\n'cache rate' = true\nrate = false\n").defaults.curves
    assert curves.less_better == (("cache rate", True), ("rate", False))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[detect]\nmoderate = 0.6", "critical must not fall; they are 0.05, 0.6, 0.5, 1."),
        ("[detect]\nminor = 0.2", "critical must not fall; they are 0.2, 0.15, 0.5, 1."),
        (
            "[product.Shop.detect]\ncritical = 0.4",
            "critical of product Shop must not fall; they are 0.05, 0.15, 0.5, 0.4.",
        ),
    ],
)
def test_thresholds_that_fall_are_refused(given_settings, text, part):
    """A severity cannot begin above the next one, for all products or for one."""
    assert part in refused(given_settings, text)


def test_thresholds_may_be_equal(given_settings):
    """Two severities that begin at one size are one way of doing without the lower."""
    assert given_settings("[detect]\nminor = 0.15").defaults.detect.minor == 0.15


@pytest.mark.parametrize("table", ["[notify]\nname = 'team'\nurl = 'json://h.example'\n", "[llm]\nllm_api_key = 'k'\n"])
def test_a_table_in_the_wrong_form_is_told_the_right_one(given_settings, table):
    """One bracket for two, and a table for a setting, end in how it is to be written."""
    assert any(words in refused(given_settings, table) for words in ("must be written [[notify]]", "takes no table"))


def test_the_key_is_in_no_representation_of_the_settings():
    """What prints the settings, in a log or a failing assertion, prints all of them but the language model's key."""
    shown = repr(Settings(llm_api_key="hush"))
    assert "hush" not in shown
    assert "qwen2.5-coder:14b" in shown
