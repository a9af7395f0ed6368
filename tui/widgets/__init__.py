"""Widgets of the lab: each shows one thing and computes nothing."""
