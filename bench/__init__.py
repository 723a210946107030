"""The benchmarks: a list of what is measured."""
