"""Pictures of first filters and feature maps: what stands where."""

import numpy as np
import pytest

from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import show_features, style
from dlscan.analysis.plots.show_features import Layer


def drawn(kernel, maps, event, depth=3):
    layer = Layer("x-conv_1", ("x",), kernel, maps, event)
    with style.applied():
        (page,) = show_features.draw([layer], Marked("Ele, a.h5, row 3"), depth)
        page.draw_without_rendering()
    return page


def images(page):
    return [np.asarray(axes.images[0].get_array()) for axes in page.get_axes() if axes.images]


def test_each_filter_stands_above_its_map():
    rng = np.random.default_rng(1)
    kernel, maps = rng.normal(size=(3, 3, 1, 10)), rng.random((6, 5, 10))
    event = rng.random((6, 5))
    shown = images(drawn(kernel, maps, event))
    # the event, then a line of eight filters, their maps, and the other two
    np.testing.assert_array_equal(shown[0], event)
    for number in range(8):
        np.testing.assert_array_equal(shown[1 + number], kernel[:, :, 0, number])
        np.testing.assert_array_equal(shown[9 + number], maps[..., number])
    np.testing.assert_array_equal(shown[19], maps[..., 8])


@pytest.mark.parametrize(("depth", "place"), [(3, (1, 3)), (1, (2, 1))])
def test_images_of_three_axes_are_seen_from_the_side(depth, place):
    maps = np.zeros((4, 5, 6, 2))
    maps[1, 2, 3, 0] = 1
    shown = images(drawn(np.ones((3, 3, 3, 1, 2)), maps, maps[..., 0], depth))
    assert [tuple(each) for each in np.argwhere(shown[0] > 0)] == [place]


def test_waveforms_are_lines():
    kernel, maps = np.ones((5, 1, 3)), np.arange(30.0).reshape(10, 3)
    page = drawn(kernel, maps, np.arange(20.0))
    lines = [axes.patches[0].get_data().values for axes in page.get_axes() if axes.patches]
    assert [len(line) for line in lines] == [20, 5, 5, 5, 10, 10, 10]
    np.testing.assert_array_equal(lines[5], maps[:, 1])


def test_many_filters_are_cut_and_the_page_says_so():
    page = drawn(np.ones((3, 3, 2, 40)), np.ones((4, 4, 40)), np.ones((4, 4, 2)))
    assert len(images(page)) == 1 + 2 * show_features.MOST
    words = page.get_supxlabel()
    assert "40 filters of 3×3; the first 24 are shown" in words
    assert "means over 2 channels" in words
