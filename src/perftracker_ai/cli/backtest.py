"""What `backtest` takes and prints: sets of settings side by side, one screen or JSON, and where its files are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.cli.outcome import open_page
from perftracker_ai.cli.streams import show
from perftracker_ai.errors import UsageError, WorkerLost
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from perftracker_ai.backtest.values import Backtest, Variant
    from perftracker_ai.commands.backtest import Done
    from perftracker_ai.settings import Settings

_SECTIONS = ("detect.", "policy.")
_MOST, _LONGEST = 12, 200
"""Sets side by side, and characters of one."""


def variants_of(
    texts: Sequence[str], product: str, settings: Settings, given: Callable[[Mapping[str, str]], Settings]
) -> tuple[Variant, ...]:
    """Return the settings as they are, and a set for each text.

    Parameters
    ----------
    texts : sequence of str
        ``detect.moderate=0.10,policy.block_severe=2``.
    given : callable
        Returns the settings with some of them given besides.

    Raises
    ------
    UsageError
        When a text is none such, or a setting does not exist or take its value.
    """
    from perftracker_ai.backtest.values import Variant

    if len(texts) >= _MOST:
        raise UsageError(f"--set is given {len(texts)} times", f"at most {_MOST - 1} sets fit side by side")
    every = [
        ("", settings),
        *((",".join(f"{key}={value}" for key, value in one.items()), given(one)) for one in map(_read, texts)),
    ]
    own = [(name, one.of_product(product)) for name, one in every]
    return tuple(Variant(name=name, detect=one.detect, policy=one.policy) for name, one in own)


def _read(text: str) -> dict[str, str]:
    """Take a set of settings apart."""
    pieces = [piece.partition("=") for piece in text.split(",")] if len(text) <= _LONGEST else []
    found = {key.strip(): value.strip() for key, _, value in pieces}
    if not found or not all(key.startswith(_SECTIONS) and value for key, value in found.items()):
        raise UsageError(
            f"--set {clean(text, 80)!r} is no setting of detect or policy with a value",
            "write it as detect.moderate=0.10, several with commas between them",
        )
    return found


def show_backtest(done: Done, *, as_json: bool, browser: bool) -> None:
    """Print the figures and where the rest is, or everything as JSON; open the page where that is wanted."""
    from perftracker_ai.backtest.text import screen

    if as_json:
        show(done.json.decode())
    else:
        paths = "\n".join(f"{'Written' if not at else '':9}{path}" for at, path in enumerate(done.written))
        show(f"{screen(done.past)}\n\n{paths}")
    if browser:
        open_page(done.written[0].absolute())


def require_all_judged(past: Backtest) -> None:
    """See that no pair is missing from the figures.

    Raises
    ------
    WorkerLost
        When the processes that judged some were lost.
    """
    from perftracker_ai.backtest.values import LOST

    lost = sum(one.problem == LOST for one in past.nights)
    if lost:
        raise WorkerLost(
            f"{lost} of {len(past.nights)} pairs of {past.product!r} are missing from these figures, as the processes "
            "that judged them were lost, twice each",
            "see whether there is memory enough, and run this again: it judges these alone",
        )
