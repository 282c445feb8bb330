"""Where tables live and queries run."""
