"""Tests of the house itself: its rules, its files, its containers."""
