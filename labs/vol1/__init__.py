"""Volume 1: the physics of one node."""
