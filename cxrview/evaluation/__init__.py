"""Metrics with intervals, baselines and audits, and the report."""
