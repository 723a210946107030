"""Tests of the suite itself; the benchmarks are in bench/."""
