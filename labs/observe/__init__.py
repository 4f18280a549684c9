"""What operators see of a running suite: log lines and metrics, neither with anything that a student wrote."""
