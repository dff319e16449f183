"""Charts as SVG text: plain functions from numbers to a string.

Each chart names what it shows in `aria-label`, takes its colours from CSS variables
(`--before`, `--after`, `--ink`, `--quiet`, `--line`) with fallbacks, and is drawn for
a `width` in CSS pixels instead of being scaled, so that its letters stay readable.
What colours tell apart, shapes or dashes tell apart as well.
"""
