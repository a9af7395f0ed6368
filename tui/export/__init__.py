"""Runs as files for other programs and other people: CSV, charts, an HTML report, TensorBoard events."""
