"""Tests of the send path."""
