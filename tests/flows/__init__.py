"""Tests of whole ways through the house, with every part real and in a process of its own."""
