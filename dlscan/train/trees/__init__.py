"""Train boosted trees: the second trainer beside networks. No Keras here."""
