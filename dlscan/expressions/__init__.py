"""Expressions that select rows of a table, or events: read and evaluated here, and never run as code."""

from dlscan.expressions.language import Language
from dlscan.expressions.parse import Expression, parse

__all__ = ["Expression", "Language", "parse"]
