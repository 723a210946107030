"""Tests of the workflows, the action and their scripts: what they are, and what they do when they are run."""
