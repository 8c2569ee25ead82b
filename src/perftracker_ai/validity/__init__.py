"""Validity: is this comparison fit to decide on? Asked before what it shows.

In: the jobs of a comparison and their curves. Out: a `Soundness`: the checks that failed, which runs and points can be
trusted, and what each run shares at the time of each measurement. Pure; nothing is judged here.
"""

from perftracker_ai.validity.assess import assess
from perftracker_ai.validity.facts import of_notices, of_run, same_job

__all__ = ["assess", "of_notices", "of_run", "same_job"]
