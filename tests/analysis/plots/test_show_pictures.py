"""Pictures of data and of events: what stands where."""

import numpy as np
import pytest

from dlscan.analysis.events.read import Event, EventSet
from dlscan.analysis.events.sample import InputSample, Sample
from dlscan.analysis.plots import show_data, show_event, style
from dlscan.analysis.plots.axes import cell_axes
from dlscan.dataset import ArraySpec, Manifest, Statistics

EVENTS = 40


def manifest_of(**shapes):
    statistics = {
        name: Statistics((1.0,), (2.0,), (0.0,), (9.0,), magnitude=1.0, occupancy=0.5) for name in shapes
    }
    inputs = {name: ArraySpec(shape, "<f4", "dense") for name, shape in shapes.items()}
    return Manifest(("Ele", "Pi$0$"), inputs, {}, statistics, {}, (), {}, "hash")


def events_of(number=1, **inputs):
    events = tuple(Event("Ele", "Ele/a_1.h5", row, inputs) for row in range(number))
    manifest = manifest_of(**{name: values.shape for name, values in inputs.items()})
    features = {name: tuple(f"{name}{i}" for i in range(values.size)) for name, values in inputs.items()}
    return EventSet(manifest, "test", features, events)


def sample_of(shape, scale=(1.0, 1.0), vector=False):
    """A sample with one input `x` of which class 1 holds `scale[1]` times as much as class 0."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], EVENTS // 2).astype(np.int32)
    values = rng.exponential(1.0, (EVENTS, *shape)) * np.asarray(scale)[labels].reshape(-1, *[1] * len(shape))
    axes = range(1, values.ndim)
    profiles = [values.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes]
    part = InputSample(
        "x",
        shape,
        values.reshape(EVENTS, -1).sum(axis=1),
        np.full(EVENTS, 0.5),
        () if vector else tuple(profiles),
        np.stack([values[labels == label].mean(axis=0) for label in (0, 1)]) if len(shape) == 2 else None,
        {f"f{number}": values[:, number] for number in range(shape[0])} if vector else {},
    )
    return Sample(manifest_of(x=shape), "train", labels, (part,))


@pytest.fixture
def drawn():
    """Draw within our style, as the command does."""

    def draw(module, what, *options):
        with style.applied():
            pages = module.draw(what, *options)
            for page in pages:
                page.draw_without_rendering()
            return pages

    return draw


def by_label(page):
    return {axes.get_xlabel(): axes for axes in page.get_axes()}


def test_a_cell_of_an_event_stands_at_its_place_in_every_projection(drawn):
    image = np.zeros((4, 5, 6), np.float32)
    image[1, 2, 3] = 0.5
    (page,) = drawn(show_event, events_of(ECAL=image))
    shown = {
        (axes.get_xlabel(), axes.get_ylabel()): np.argwhere(axes.images[0].get_array().filled(0) > 0).tolist()
        for axes in page.get_axes()
        if axes.images
    }
    # rows of the drawn array go up: (up, across)
    assert shown == {
        ("Layer (axis 3)", "Cell in x (axis 1)"): [[1, 3]],
        ("Layer (axis 3)", "Cell in y (axis 2)"): [[2, 3]],
        ("Cell in x (axis 1)", "Cell in y (axis 2)"): [[2, 1]],
    }
    (space,) = (axes for axes in page.get_axes() if axes.name == "3d")
    x, y, z = space.collections[0]._offsets3d
    assert (int(x[0]), int(y[0]), int(z[0])) == (3, 1, 2)


def test_the_axis_along_the_shower_can_be_another(drawn):
    image = np.zeros((6, 4, 5), np.float32)
    image[3, 1, 2] = 0.5
    (page,) = drawn(show_event, events_of(ECAL=image), 1)
    (space,) = (axes for axes in page.get_axes() if axes.name == "3d")
    x, y, z = space.collections[0]._offsets3d
    assert (int(x[0]), int(y[0]), int(z[0])) == (3, 1, 2)
    assert by_label(page)["Layer (axis 1)"].get_ylabel() == "Cell in y (axis 3)"


def test_a_page_names_class_file_and_row(drawn):
    pages = drawn(show_event, events_of(2, ECAL=np.ones((2, 2, 2), np.float32)))
    assert [page.get_suptitle() for page in pages] == [
        "Ele: Ele/a_1.h5, row 0 (split test)",
        "Ele: Ele/a_1.h5, row 1 (split test)",
    ]


@pytest.mark.parametrize(
    "image",
    [np.zeros((2, 3, 4), np.float32), -np.ones((2, 3, 4), np.float32)],
    ids=["empty", "below zero"],
)
def test_an_event_without_anything_above_zero_is_drawn(drawn, image):
    (page,) = drawn(show_event, events_of(ECAL=image, HCAL=np.ones((2, 2, 2), np.float32)))
    text = page.subfigs[0].get_suptitle()
    assert text.startswith(f"ECAL: sum {image.sum():.4g} in {np.count_nonzero(image)} cells")
    assert ("24 cells below zero are not shown" in text) == (image.min() < 0)


def test_events_of_flat_images_share_pages(drawn):
    pages = drawn(show_event, events_of(23, image=np.ones((3, 4, 1), np.float32)))
    assert [len(page.get_axes()) for page in pages] == [20, 3]
    assert pages[1].get_axes()[0].get_title() == "Ele\nEle/a_1.h5\nrow 20"


def test_a_vector_is_shown_against_the_mean_of_the_training_split(drawn):
    (page,) = drawn(show_event, events_of(v=np.array([1.0, 5.0, -1.0], np.float32)))
    (axes,) = page.get_axes()
    assert [bar.get_width() for bar in axes.patches] == [0.0, 2.0, -1.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["v0 = 1", "v1 = 5", "v2 = -1"]


@pytest.mark.parametrize(
    ("shape", "height"), [((200,), 2.0), ((2, 2, 2, 2), 5.0)], ids=["long vector", "four axes"]
)
def test_very_many_values_stand_one_after_the_other(drawn, shape, height):
    (page,) = drawn(show_event, events_of(v=np.full(shape, 5.0, np.float32)))
    (axes,) = page.get_axes()
    # the mean of a vector's values is 1 and their spread 2; an image is shown as it is
    assert axes.patches[0].get_data().values.tolist() == [height] * int(np.prod(shape))


def test_profiles_have_the_mean_of_each_class_and_its_error(drawn):
    sample = sample_of((3, 4, 5))
    (page,) = drawn(show_data, sample)
    axes = by_label(page)["Layer (axis 3)"]
    profile = sample.inputs[0].profiles[2][sample.labels == 1]
    np.testing.assert_allclose(axes.patches[1].get_data().values, profile.mean(axis=0))
    error = profile.std(axis=0) / np.sqrt(len(profile))
    band = axes.collections[1].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx((profile.mean(axis=0) + error).max())
    assert band[:, 1].min() == pytest.approx((profile.mean(axis=0) - error).min())
    assert set(by_label(page)) == {
        "Sum over x",
        "Non-zero cells (%)",
        *cell_axes((3, 4, 5)).values(),
    }


def test_histograms_show_the_share_of_each_class(drawn):
    (page,) = drawn(show_data, sample_of((3, 4, 5)))
    for stairs in by_label(page)["Sum over x"].patches:
        assert 0.9 < stairs.get_data().values.sum() <= 1.0


def test_what_lies_far_outside_is_counted(drawn):
    sample = sample_of((3, 4, 5))
    sample.inputs[0].sums[0] = 1e6
    (page,) = drawn(show_data, sample)
    axes = by_label(page)["Sum over x"]
    assert axes.get_xlim()[1] < 1e6
    assert "outside" in axes.get_title(loc="left")


@pytest.mark.parametrize(("scale", "expected"), [((1.0, 1.0), "linear"), ((1.0, 100.0), "log")])
def test_an_axis_is_logarithmic_where_a_class_would_lie_flat(drawn, scale, expected):
    (page,) = drawn(show_data, sample_of((3, 4, 5), scale))
    assert by_label(page)["Layer (axis 3)"].get_yscale() == expected
    assert by_label(page)["Cell in x (axis 1)"].get_yscale() == "log"


def test_images_of_two_axes_have_a_page_of_means_on_one_scale(drawn):
    means, distributions = drawn(show_data, sample_of((6, 7)))
    panels = [axes for axes in means.get_axes() if axes.images]
    assert [axes.get_title() for axes in panels] == ["Ele", r"Pi\$0\$"]
    assert len({axes.images[0].norm.vmax for axes in panels}) == 1
    assert "Row (axis 1)" in by_label(distributions)


def test_a_vector_has_a_histogram_per_value(drawn):
    (page,) = drawn(show_data, sample_of((5,), vector=True))
    assert [axes.get_xlabel() for axes in page.get_axes()] == ["f0", "f1", "f2", "f3", "f4"]


def test_values_that_are_all_the_same_are_drawn(drawn):
    sample = sample_of((3, 4, 5))
    sample.inputs[0].sums[:] = 0
    (page,) = drawn(show_data, sample)
    assert by_label(page)["Sum over x"].get_xlim() == (-0.5, 0.5)


@pytest.mark.parametrize(
    ("shape", "depth", "names"),
    [
        ((25, 25, 25), 3, ["Cell in x (axis 1)", "Cell in y (axis 2)", "Layer (axis 3)"]),
        ((60, 5, 5), 1, ["Layer (axis 1)", "Cell in x (axis 2)", "Cell in y (axis 3)"]),
        ((28, 28), 3, ["Row (axis 1)", "Column (axis 2)"]),
        ((2, 2, 2, 2), 3, []),
    ],
)
def test_axes_have_names(shape, depth, names):
    assert list(cell_axes(shape, depth).values()) == names


def test_the_same_events_give_the_same_bytes(tmp_path):
    def saved(name):
        image = np.random.default_rng(1).exponential(1.0, (3, 4, 5)).astype(np.float32)
        with style.applied():
            pages = [*show_event.draw(events_of(ECAL=image)), *show_data.draw(sample_of((3, 4, 5)))]
            files = [style.save(pages, tmp_path / f"{name}{suffix}") for suffix in (".png", ".svg", ".pdf")]
            return [path.read_bytes() for some in files for path in some]

    assert saved("a") == saved("b")
