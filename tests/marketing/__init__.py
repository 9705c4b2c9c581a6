"""Tests of the roof: servers, set-up, pages that read everything."""
