"""Settings of the property-based tests: the same examples in every run, however slow each is."""

from hypothesis import HealthCheck, settings

REPEATABLE = settings(
    deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
