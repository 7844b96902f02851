import numpy as np
import pytest

from dlscan.errors import ScanError
from dlscan.models import keras
from dlscan.train.variables import Values, load_variables


def variables(value):
    """A matrix, a number and a counter."""
    return [
        keras.Variable(np.full((2, 3), value, "float32")),
        keras.Variable(np.float32(value)),
        keras.Variable(np.array(value, "int32"), dtype="int32"),
    ]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "epoch-0001.variables"
    Values({"network": variables(3), "optimizer": variables(5)[1:], "none": []}).write(path)
    return path


def test_what_is_read_is_what_was_written(path):
    network, optimizer = variables(0), variables(0)[1:]
    load_variables(path, {"optimizer": optimizer})
    assert [float(one) for one in optimizer] == [5, 5]
    assert not np.any(keras.ops.convert_to_numpy(network[0]))
    load_variables(path, {"network": network, "none": []})
    assert [keras.ops.convert_to_numpy(one).tolist() for one in network] == [[[3.0] * 3] * 2, 3.0, 3]


@pytest.mark.parametrize("cut", ["header", "body", "longer", "empty", "a list", "huge"])
def test_a_damaged_file_is_named_and_changes_nothing(path, cut):
    content = path.read_bytes()
    header, _, body = content.partition(b"\n")
    path.write_bytes(
        {
            "header": header[:10],
            "body": content[:-1],
            "longer": content + b"x",
            "empty": b"",
            "a list": b"[]\n" + body,
            "huge": header.replace(b"[2, 3]", b"[2, 3000000000000]") + b"\n" + body,
        }[cut]
    )
    network = variables(0)
    with pytest.raises(ScanError, match=r"epoch-0001\.variables: missing or damaged .*; remove .* to train"):
        load_variables(path, {"network": network})
    assert not np.any(keras.ops.convert_to_numpy(network[0]))


def test_a_file_of_another_network_is_told_apart_from_a_damaged_one(path):
    with pytest.raises(ScanError, match="from another network, its network has other shapes"):
        load_variables(path, {"network": variables(0)[1:]})
