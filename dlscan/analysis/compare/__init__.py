"""Numbers of several models against one another: paired on the same events, with their significance."""
