"""What is trained: specifications, workloads, the reference, and one adapter for each framework.

This package needs NumPy and, inside an adapter, that adapter's framework. It knows nothing of
pytest, processes or files, so that any environment can import it.
"""
