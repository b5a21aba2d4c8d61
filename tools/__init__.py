"""Scripts that make what the package ships, and its documentation shows."""
