"""Scans of thousands of points on a slow file system."""
