"""A run on a Spark cluster: each stage is a job there, with the functions of a run on one machine."""

from wallwatch.cluster.cluster import Cluster, failures_in_words

__all__ = ["Cluster", "failures_in_words"]
