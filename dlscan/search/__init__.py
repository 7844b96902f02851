"""How a search chooses its points, from what is known of those before: no files, no Keras.

A method is a function in a file of `methods/`, entered in its registry. `propose` asks it for points, and
sees to it that none is proposed twice.
"""

from dlscan.search.propose import Proposed, propose, seed_of
from dlscan.search.space import Ask, Draw, Space, Trial

__all__ = ["Ask", "Draw", "Proposed", "Space", "Trial", "propose", "seed_of"]
