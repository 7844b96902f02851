"""Boosted decision trees: grown by scikit-learn, kept and applied by dlscan itself. No Keras here."""

from dlscan.trees.forest import Forest, read_forest

__all__ = ["Forest", "read_forest"]
