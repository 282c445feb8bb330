"""Taking files in: by content hash, once, atomically; bad lines set aside with place and reason."""
