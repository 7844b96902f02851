"""Gated recurrent units.

K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
translation", arXiv:1406.1078.
"""

import functools

from dlscan.models.rows import recurrent_body, rows_of_inputs

features = functools.partial(rows_of_inputs, body=recurrent_body("gru"))
