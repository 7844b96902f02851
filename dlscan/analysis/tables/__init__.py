"""Lines of models: chosen, sorted, with repeats together, as text or as data."""
