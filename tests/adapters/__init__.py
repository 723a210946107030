"""Adapters that misbehave, each in one way: the real PyTorch adapter but for that."""
