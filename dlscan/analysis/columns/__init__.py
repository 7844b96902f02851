"""The columns that a table of finished points can have, and how their entries are written."""
