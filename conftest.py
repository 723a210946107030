"""Loads the plugin modules; nothing else."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.collection",
    "fixtures.laboratory",
    "fixtures.recording",
    "fixtures.comparing.plugin",
    "fixtures.comparing.calibration",
    "fixtures.saving",
    "fixtures.regression.plugin",
    "fixtures.baselines.trend",
    "fixtures.terminal",
]
