"""Rate limit: so many events at once, and then a steady rate."""

from vlcore.web.rate_limit import RateLimit


def test_a_page_has_a_burst_and_then_a_rate() -> None:
    now = [0.0]
    limit = RateLimit(3, 0.5, lambda: now[0])
    assert [limit.take() for _ in range(5)] == [True, True, True, False, False]
    for now[0] in (2.0, 4.0):
        assert [limit.take() for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [limit.take() for _ in range(4)] == [True, True, True, False]
