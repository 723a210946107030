"""Real processes and real frameworks."""
