"""The parts of ``report.html``, one module a part; `perftracker_ai.render.html` puts them together."""
