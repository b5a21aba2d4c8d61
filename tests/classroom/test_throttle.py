"""Rate limit: so many events at once for each name, and then a steady rate."""

from vlcore.classroom.throttle import RateLimit


def test_a_name_has_a_burst_and_then_a_rate() -> None:
    now = [0.0]
    limit = RateLimit(3, 0.5, lambda: now[0])
    assert [limit.take("a") for _ in range(5)] == [True, True, True, False, False]
    assert limit.take("b"), "another name has its own"
    for now[0] in (2.0, 4.0):
        assert limit.allows("a")
        assert [limit.take("a") for _ in range(2)] == [True, False]
        assert not limit.allows("a")
    now[0] = 100.0
    assert [limit.take("a") for _ in range(4)] == [True, True, True, False]
    assert set(limit._tokens) == {"a"}, "who has all of it again is forgotten"
