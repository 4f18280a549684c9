"""Constants with provenance, and the hardware and models built from them."""
