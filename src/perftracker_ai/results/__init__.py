"""An analysis as a file, ``result_v2.json``: written, and read again so that it can be shown without the jobs."""
