"""What is gathered from each chunk for all of them: who got through to what, and what several sessions share.

The tables are narrow, and hold each fact once a session: a volunteer who measures a thousand times weighs as one
(trap C1).
"""

from __future__ import annotations

from itertools import chain

from wallwatch.judge.steps import doubts, early, names, pace, quic
from wallwatch.judge.steps.shares import one_voice
from wallwatch.judge.steps.words import IS_BOGON, SYSTEM

TABLES = (
    (
        "CREATE OR REPLACE TEMP TABLE judge_votes (u BIGINT, hour BIGINT, day DATE, network BIGINT, country VARCHAR, "
        "s BIGINT, software VARCHAR, nettest VARCHAR, opened BOOLEAN, failed BOOLEAN)"
    ),
    (
        "CREATE OR REPLACE TEMP TABLE judge_measured "
        "(s BIGINT, target VARCHAR, time TIMESTAMPTZ, worked BOOLEAN, resolved BOOLEAN)"
    ),
    "CREATE OR REPLACE TEMP TABLE judge_answered (network BIGINT, ip VARCHAR, s BIGINT, u BIGINT, g BIGINT)",
    "CREATE OR REPLACE TEMP TABLE judge_confirmed (ip VARCHAR, s BIGINT, host VARCHAR, g BIGINT)",
    (
        "CREATE OR REPLACE TEMP TABLE judge_pages "
        "(network BIGINT, http_body_sha256 VARCHAR, s BIGINT, u BIGINT, g BIGINT)"
    ),
    "CREATE OR REPLACE TEMP TABLE judge_moves (network BIGINT, landing VARCHAR, s BIGINT, target VARCHAR, g BIGINT)",
    (
        "CREATE OR REPLACE TEMP TABLE judge_certificates "
        "(tls_certificate_sha256 VARCHAR, network BIGINT, s BIGINT, proved BOOLEAN, refused BOOLEAN, g BIGINT)"
    ),
    (
        "CREATE OR REPLACE TEMP TABLE judge_roots "
        "(software VARCHAR, u BIGINT, network BIGINT, s BIGINT, ok BOOLEAN, bad BOOLEAN, g BIGINT)"
    ),
    pace.PACES,
    *doubts.TABLES,
    *early.TABLES,
    *names.TABLES,
    *quic.TABLES,
)

#: Whether each session got through to each unit. Days are of UTC.
VOTES = """
INSERT INTO judge_votes
SELECT o.u, w.hour, w.day, w.network, max(w.country), w.s, w.software, w.nettest,
  bool_or(o.opened), bool_or(o.failed AND NOT o.opened)
FROM judge_own o JOIN judge_this w ON w.m = o.m
LEFT JOIN judge_implausible x ON x.m = o.m
WHERE x.m IS NULL AND o.u > 0 AND (o.opened OR o.failed) AND w.network IS NOT NULL AND w.time IS NOT NULL AND w.time_flag IS NULL
GROUP BY o.u, w.hour, w.day, w.network, w.s, w.software, w.nettest
"""

#: Whether anything worked in each measurement. A resolver that denies a name works, where the test helper was in reach:
#: without any connection phones say the same. Of tests of sites, whether the system's resolver answered; null where it was
#: not asked.
MEASURED = """
INSERT INTO judge_measured
SELECT w.s, w.target, w.time, o.worked OR (o.denied AND w.helped),
  CASE WHEN w.nettest = 'web_connectivity' AND (o.resolved OR o.unresolved) THEN o.resolved END
FROM (
  SELECT m, bool_or(worked) AS worked, bool_or(denied) AS denied, bool_or(resolved) AS resolved,
    bool_or(unresolved AND u > 0) AS unresolved
  FROM judge_own GROUP BY m
) o
JOIN judge_this w ON w.m = o.m
WHERE w.time IS NOT NULL
"""

#: What resolvers of networks answer.
ANSWERED = f"""
INSERT INTO judge_answered
SELECT w.network, o.ip, w.s, o.u, w.g
FROM judge_units o JOIN judge_this w ON w.m = o.m
WHERE o.layer = 'dns' AND o.known & {SYSTEM} <> 0 AND o.known & {IS_BOGON} = 0 AND o.u > 0
  AND w.network IS NOT NULL AND w.nettest = 'web_connectivity'
GROUP BY w.network, o.ip, w.s, o.u, w.g
"""

#: Pages that come in clear text.
PAGES = """
INSERT INTO judge_pages
SELECT w.network, o.http_body_sha256, w.s, o.u, w.g
FROM judge_http_units o JOIN judge_this w ON w.m = o.m
WHERE o.http_body_sha256 IS NOT NULL AND w.network IS NOT NULL AND o.clear AND o.u IS NOT NULL
  AND o.failure IS NULL AND o.http_status IS NOT NULL AND o.http_body_length BETWEEN 64 AND 100000
GROUP BY w.network, o.http_body_sha256, w.s, o.u, w.g
"""

#: Where clear text sends its readers.
MOVES = """
INSERT INTO judge_moves
SELECT w.network, o.landing, w.s, w.target, w.g
FROM judge_http_units o JOIN judge_this w ON w.m = o.m
WHERE w.network IS NOT NULL AND o.landing <> '' AND o.http_status BETWEEN 300 AND 399
  AND strpos(o.http_url, o.landing) = 0
GROUP BY w.network, o.landing, w.s, w.target, w.g
"""

CERTIFICATES = """
INSERT INTO judge_certificates
SELECT o.tls_certificate_sha256, w.network, w.s, bool_or(o.failure IS NULL AND NOT o.no_verify),
  coalesce(bool_or(o.failure LIKE 'ssl_%'), false), w.g
FROM judge_tls_units o JOIN judge_this w ON w.m = o.m
LEFT JOIN judge_implausible x ON x.m = o.m
WHERE x.m IS NULL AND o.tls_certificate_sha256 IS NOT NULL
GROUP BY o.tls_certificate_sha256, w.network, w.s, w.g
"""

ROOTS = """
INSERT INTO judge_roots
SELECT w.software, o.u, w.network, w.s, bool_or(o.failure IS NULL AND NOT o.no_verify),
  coalesce(bool_or(o.failure = 'ssl_unknown_authority'), false), w.g
FROM judge_tls_units o JOIN judge_this w ON w.m = o.m
WHERE w.software IS NOT NULL AND w.network IS NOT NULL
GROUP BY w.software, o.u, w.network, w.s, w.g
"""

#: What several chunks say of one session is one voice: a session may lie in many files.
ONE_VOICE = (
    *one_voice(
        "judge_places",
        """
SELECT s, day, network, country, software, nettest, bool_and(without_helper) AS without_helper,
  bool_or(helped) AS helped, bool_or(helper_forged) AS helper_forged, min(first) AS first, max(last) AS last,
  min(received) AS received, max(all_received) AS all_received
FROM judge_places WHERE s BETWEEN $first AND $last GROUP BY s, day, network, country, software, nettest
""",
    ),
    *chain.from_iterable(
        one_voice(
            name,
            f"SELECT s, u, min(seconds) AS seconds FROM {name} WHERE s BETWEEN $first AND $last GROUP BY s, u",
        )
        for name in ("judge_plain", "judge_connects")
    ),
    *one_voice(
        "judge_quic_votes",
        """
SELECT u, day, network, max(country) AS country, s, bool_or(ok) AS ok
FROM judge_quic_votes WHERE s BETWEEN $first AND $last GROUP BY u, day, network, s
""",
    ),
)

STEPS = (
    doubts.IMPLAUSIBLE,
    VOTES,
    MEASURED,
    ANSWERED,
    PAGES,
    MOVES,
    CERTIFICATES,
    ROOTS,
    pace.GATHER,
    *doubts.GATHER,
    *early.GATHER,
    *names.GATHER,
    quic.GATHER,
)
