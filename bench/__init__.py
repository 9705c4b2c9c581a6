"""Benchmarks, one file a figure; each prints one line of JSON last."""
