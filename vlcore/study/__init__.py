"""Studies: plans of many runs, running them, paired comparisons, and the report."""
