"""Long short-term memory.

S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997) 1735,
doi 10.1162/neco.1997.9.8.1735.
"""

import functools

from dlscan.models.rows import recurrent_body, rows_of_inputs

features = functools.partial(rows_of_inputs, body=recurrent_body("lstm"))
