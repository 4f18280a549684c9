"""A taken port; apart from the server, so that the command line can name it without loading one."""


class PortBusyError(RuntimeError):
    """The port is taken; says which and what to do."""
