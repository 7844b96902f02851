"""What finished points left behind, as tables and pictures.

Nothing is imported here: a command that needs a table must not pay for matplotlib, nor the other way round.
"""
