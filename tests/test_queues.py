"""The simulation of a fleet's queues against what can be worked out by hand."""

import pytest
from queues import Station, simulate


def test_workers_alone_share_the_work():
    """Where nobody waits for anybody, ten workers take a tenth of the time."""
    stations = [Station("workers", 0, 2.0)]
    assert simulate(100, 1, stations).seconds == pytest.approx(200)
    found = simulate(100, 10, stations)
    assert found.seconds == pytest.approx(20)
    assert (found.bottleneck, found.busy["workers"]) == ("workers", pytest.approx(1))


def test_the_slowest_station_sets_the_pace():
    """With workers enough, all is as slow as what they share, which is busy all the time and named."""
    stations = [Station("database", 2, 1.0), Station("workers", 0, 3.0)]
    found = simulate(1000, 100, stations)
    assert found.seconds == pytest.approx(1000 * 1.0 / 2, rel=0.02)
    assert found.bottleneck == "database"
    assert found.busy["database"] == pytest.approx(1, rel=0.02)


def test_few_workers_leave_the_shared_idle():
    """Below saturation each worker goes round in the time that its task takes."""
    stations = [Station("database", 1, 0.5), Station("workers", 0, 9.5)]
    found = simulate(400, 4, stations)
    assert found.seconds == pytest.approx(400 / 4 * 10, rel=0.01)
    assert found.busy["database"] == pytest.approx(0.2, rel=0.01)
