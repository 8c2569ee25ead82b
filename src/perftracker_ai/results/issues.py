"""An open issue as files and stores keep it."""

from __future__ import annotations

from datetime import date  # noqa: TC003 -- msgspec reads it

import msgspec

from perftracker_ai.model.issues import OpenIssue


class SavedIssue(OpenIssue, frozen=True, kw_only=True):
    """An open issue that is read back: an older one does not tell until when it is accepted."""

    accepted_until: date | None = None

    def told(self) -> OpenIssue:
        """Return what is kept."""
        return OpenIssue(**msgspec.structs.asdict(self))
