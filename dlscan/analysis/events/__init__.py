"""The events of a prepared dataset, read to be looked at."""
