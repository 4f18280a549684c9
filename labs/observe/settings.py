"""Errors in what the environment or the command line says about logs and metrics."""


class SettingError(ValueError):
    """A setting that does not exist or is not safe; the message says what would be right."""
