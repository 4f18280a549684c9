"""mlsysim: constants, hardware, models and physics of machine-learning systems."""
