"""Diagnosis: in go curves and detection, out come clusters with their shape and the hypotheses that fit."""

from perftracker_ai.diagnose.clusters import diagnose

__all__ = ["diagnose"]
