"""Volume 2: the fleet."""
