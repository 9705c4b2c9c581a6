"""Tests of the floor of campaigns."""
