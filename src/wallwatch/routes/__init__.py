"""What still works: from tries of circumvention tools and messaging services to an order that admits doubt."""

from wallwatch.routes.attempts import attempts
from wallwatch.routes.catalogue import BY_ID, ROUTES, Route
from wallwatch.routes.estimate import FLOOR, estimate, routes
from wallwatch.routes.export import helpdesk, tor_map

__all__ = ["BY_ID", "FLOOR", "ROUTES", "Route", "attempts", "estimate", "helpdesk", "routes", "tor_map"]
