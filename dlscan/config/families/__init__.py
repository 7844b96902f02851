"""The parameters of each network family, apart from Keras so that a file is checked without loading it.

A family is a dataclass in a file here, and a function `features` in the file of that name in
`dlscan.models.families`. `size` of a class, if it has one, is a formula for what its networks take; without
one they are measured, see `dlscan.scan.sizes`. `tasks`, if it has that, names what its networks can learn in
place of `classify` and `regress`. `why_not_inputs`, if there is one, says which inputs its
networks cannot take. `trainer` of a class, if it has one, says what trains it that
is no network, and `reads` which keys of other sections matter to it.
"""

from dlscan.config.families.alexnet import Alexnet
from dlscan.config.families.attention import Attention
from dlscan.config.families.autoencoder import Autoencoder
from dlscan.config.families.bdt import Bdt
from dlscan.config.families.branches import Branches
from dlscan.config.families.deepsets import Deepsets
from dlscan.config.families.dense import Dense
from dlscan.config.families.gan import Gan
from dlscan.config.families.graph import Graph
from dlscan.config.families.gru import Gru
from dlscan.config.families.inception import Inception
from dlscan.config.families.lenet import Lenet
from dlscan.config.families.lstm import Lstm
from dlscan.config.families.parts import NetworkSize
from dlscan.config.families.resnet import Resnet
from dlscan.config.families.rnn import Rnn
from dlscan.config.families.siamese import Siamese
from dlscan.config.families.vae import Vae
from dlscan.config.families.vgg import Vgg
from dlscan.config.families.video import Video
from dlscan.config.families.zfnet import Zfnet

FAMILIES: dict[str, type] = {
    "dense": Dense,
    "lenet": Lenet,
    "alexnet": Alexnet,
    "zfnet": Zfnet,
    "vgg": Vgg,
    "inception": Inception,
    "resnet": Resnet,
    "branches": Branches,
    "siamese": Siamese,
    "rnn": Rnn,
    "lstm": Lstm,
    "gru": Gru,
    "video": Video,
    "attention": Attention,
    "deepsets": Deepsets,
    "graph": Graph,
    "autoencoder": Autoencoder,
    "gan": Gan,
    "vae": Vae,
    "bdt": Bdt,
}

__all__ = [
    "FAMILIES",
    "Alexnet",
    "Attention",
    "Autoencoder",
    "Bdt",
    "Branches",
    "Deepsets",
    "Dense",
    "Gan",
    "Graph",
    "Gru",
    "Inception",
    "Lenet",
    "Lstm",
    "NetworkSize",
    "Resnet",
    "Rnn",
    "Siamese",
    "Vae",
    "Vgg",
    "Video",
    "Zfnet",
]
