"""How fast the stream, training, and both together are for one dataset on one machine.

Nothing is imported here: the processes that measure memory live here too, and must not load Keras.
"""
