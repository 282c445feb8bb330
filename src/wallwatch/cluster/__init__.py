"""A run on a Spark cluster: each stage is a job there, with the functions of a run on one machine."""

from wallwatch.cluster.cluster import Cluster

__all__ = ["Cluster"]
