"""The queries that turn facts into features, features into fired rules, and these into verdicts."""
