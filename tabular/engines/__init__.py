"""Who trains the groups of a table: this machine, or others. Engines only schedule; the plan fixes what is trained."""
