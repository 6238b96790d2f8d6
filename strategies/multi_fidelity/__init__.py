"""Multi-fidelity search: short trainings decide which go on."""
