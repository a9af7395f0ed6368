"""Presets: TOML files that describe an experiment or one part of it, and the catalog that finds and reads them."""
