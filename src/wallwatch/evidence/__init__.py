"""Evidence that travels: what is removed from raw lines, bags, signatures, time stamps, one file.

This room knows nothing of judging: it takes bytes and records, and gives bytes and records. What an event needs to
be checked is gathered in `wallwatch.bundles`.
"""
