"""What was published when: every state of an event or outage stays retrievable (trap C8)."""

from wallwatch.history.match import Finding
from wallwatch.history.publish import Basis, publish
from wallwatch.history.states import as_published, headline, revision_of, revisions_of

__all__ = ["Basis", "Finding", "as_published", "headline", "publish", "revision_of", "revisions_of"]
