"""Loads the plugin modules; nothing else."""

pytest_plugins = [
    "fixtures.plugin.termination",
    "fixtures.plugin.host_options",
    "fixtures.plugin.options",
    "fixtures.plugin.collection",
    "fixtures.plugin.frameworks_run",
    "fixtures.plugin.bridge",
    "fixtures.plugin.recording",
    "fixtures.plugin.comparing",
    "fixtures.plugin.calibration",
    "fixtures.plugin.searching",
    "fixtures.plugin.explained_steps",
    "fixtures.plugin.saving",
    "fixtures.plugin.saved_runs",
    "fixtures.plugin.trend",
    "fixtures.plugin.check_machine",
    "fixtures.plugin.terminal",
    "fixtures.plugin.report_page",
]
