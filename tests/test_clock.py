"""Times as they are written and read."""

import pytest

from dlscan import clock


def test_a_time_is_read_as_it_was_written():
    assert clock.stamp(0) == "1970-01-01T00:00:00+00:00"
    assert clock.read(clock.stamp(86400.9)).timestamp() == 86400
    assert abs(clock.age(clock.now())) < 60


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-31T12:00:00", "2026-13-01T00:00:00+00:00"])
def test_what_is_no_time_with_its_zone_is_refused(text):
    with pytest.raises(ValueError, match=r"time zone|isoformat|month"):
        clock.read(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00:00"), (59.6, "0:01:00"), (3725, "1:02:05"), (360000, "100:00:00")]
)
def test_a_span_in_hours_minutes_and_seconds(seconds, text):
    assert clock.clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (120, "2.0 min"),
        (3000, "50 min"),
        (7200, "2.0 h"),
        (36000, "10 h"),
        (200000, "2.3 days"),
    ],
)
def test_durations_read_as_people_say_them(seconds, said):
    assert clock.duration(seconds) == said
