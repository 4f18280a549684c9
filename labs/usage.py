"""What the command line was asked wrongly."""


class UsageError(ValueError):
    """The command line asks for something that does not exist; the message says what does."""
