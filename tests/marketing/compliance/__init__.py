"""Tests of the reports and of what the officer takes away."""
