"""Cutting runs of rows to batches and shards."""

import numpy as np
import pytest

from dlscan.stream.event_order import cut_runs


@pytest.mark.parametrize("batch_size", [1, 3, 10, 1000])
@pytest.mark.parametrize("starts", [[0, 100], [0, 7, 8, 60, 100], list(range(101))])
def test_every_row_keeps_its_place(batch_size: int, starts: list[int]) -> None:
    runs = np.array([[90, 10], [0, 1], [5, 55], [1, 4], [60, 30]])
    rows = np.concatenate([np.arange(first, first + events) for first, events in runs])
    edges = np.array(starts)
    cut = cut_runs(runs, batch_size, edges)
    assert len(cut) == -(-100 // batch_size)
    for batch, own in enumerate(cut):
        found = {}
        for shard, row, events, place in own:
            assert 0 <= row < row + events <= edges[shard + 1] - edges[shard]
            found |= {place + step: edges[shard] + row + step for step in range(events)}
        expected = rows[batch * batch_size : (batch + 1) * batch_size]
        assert [found[place] for place in range(len(expected))] == expected.tolist()
