"""Plain recurrent networks.

J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990) 179, doi 10.1207/s15516709cog1402_1.
"""

import functools

from dlscan.models.rows import recurrent_body, rows_of_inputs

features = functools.partial(rows_of_inputs, body=recurrent_body("rnn"))
