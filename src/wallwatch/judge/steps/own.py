"""What each measurement saw of each unit, and of each address of it."""

from __future__ import annotations

from wallwatch.judge.steps.words import (
    AGAIN,
    CONTROL,
    ENCRYPTED,
    HELPER_FAILED,
    HELPER_PROVED,
    IS_BOGON,
    PLAIN,
    PROVED,
    REACHED,
    REFUTED,
    SYSTEM,
)


def _asked(name: str, bit: int) -> str:
    return f"bogons & {bit} <> 0 AS {name}_bogon, globals & {bit} <> 0 AS {name}_global"


def _or_not(names: str, none: str) -> str:
    return ", ".join(f"coalesce(f.{name}, {none}) AS {name}" for name in names.split())


_LOST = (
    "'network_down', 'network_unreachable', 'host_unreachable', 'generic_timeout_error', 'dns_temporary_failure', "
    "'dns_non_recoverable_failure', 'dns_nxdomain_error'"
)

#: What a resolver says of a name, or an Android phone without a connection.
_DENIED = (
    "'dns_nxdomain_error', 'dns_no_answer', 'android_dns_cache_no_data', 'dns_refused_error', 'dns_servfail_error', "
    "'dns_server_misbehaving'"
)

_OPENED = f"""coalesce(bool_or(opened), false) OR coalesce(bool_or(known & {PROVED} <> 0), false)
    OR (count(*) FILTER (layer IN ('tls', 'http')) = 0 AND coalesce(bool_or(layer = 'tcp' AND failure IS NULL), false))
    AS opened,
  coalesce(bool_or(failed), false) AS failed,
  coalesce(bool_or(started OR (failure IS NULL
    AND (layer IN ('tcp', 'tls', 'http') OR (layer = 'dns' AND ip IS NOT NULL)))), false) AS worked,
  -- Whether the system's resolver says anything of the name, be it that there is none; and whether it was asked in vain.
  coalesce(bool_or(asked = {SYSTEM} AND (ip IS NOT NULL OR (failed AND failure IN ('dns_nxdomain_error', 'dns_no_answer')))),
    false) AS resolved,
  coalesce(bool_or(asked = {SYSTEM} AND ip IS NULL AND failed), false) AS unresolved"""

#: Of each measurement and unit, as much of `OWN` as is gathered for all chunks.
SEEN = f"""
CREATE OR REPLACE TEMP TABLE judge_own AS
SELECT m, u, {_OPENED},
  coalesce(bool_or(layer = 'dns' AND failure IN ({_DENIED})), false) AS denied
FROM judge_units
GROUP BY m, u
"""

#: One row for each measurement and unit; unit 0 gathers rows that name none. What is asked of failures is asked of those
#: few rows that are one.
OWN = f"""
CREATE OR REPLACE TEMP TABLE judge_own AS
WITH failures AS (
  SELECT m, u,
    min(failure) FILTER (asked = {SYSTEM} AND ip IS NULL AND NOT asked_6) AS system_failure_4,
    min(failure) FILTER (asked = {SYSTEM} AND ip IS NULL AND asked_6) AS system_failure_6,
    min(failure) FILTER (asked = {ENCRYPTED} AND ip IS NULL AND NOT asked_6) AS encrypted_failure_4,
    bool_or(layer = 'tls' AND failure = 'ssl_unknown_authority') AS refused,
    bool_or(layer = 'tls') AS tls_failed,
    bool_or(layer = 'tcp') AS tcp_failed,
    bool_or(layer = 'dns' AND failure IN ({_DENIED})) AS denied,
    count(*) FILTER (layer <> 'step' AND failure IN ({_LOST})) AS lost,
    count(*) FILTER (layer <> 'step' AND failure IN ('network_down', 'network_unreachable') AND ip NOT LIKE '%:%')
      AS no_network,
    count(*) FILTER (layer <> 'step' AND failure = 'dns_temporary_failure') AS no_resolver
  FROM judge_units
  WHERE failure IS NOT NULL
  GROUP BY m, u
),
units AS (
  SELECT m, u,
    count(*) FILTER (layer <> 'step') AS own_rows,
    coalesce(min(depth) FILTER (layer <> 'step'), 0) AS depth,
    coalesce(min(obs) FILTER (layer <> 'step'), 0) AS first_obs,
    count(*) FILTER (asked = {SYSTEM}) AS system_rows,
    -- Who was answered with an address that cannot be public, and who with another.
    coalesce(bit_or(CASE WHEN known & {IS_BOGON} <> 0 THEN asked END), 0) AS bogons,
    coalesce(bit_or(CASE WHEN ip IS NOT NULL AND known & {IS_BOGON} = 0 THEN asked END), 0) AS globals,
    coalesce(bool_or(known & {PROVED} <> 0), false) AS tls_proved,
    count(*) FILTER (layer = 'tls') AS tls_rows,
    coalesce(bool_or(layer = 'tcp' AND failure IS NULL), false) AS tcp_ok,
    count(*) FILTER (layer = 'tcp') AS tcp_rows,
    {_OPENED},
    count(*) FILTER (failure IS NULL AND layer IN ('tcp', 'tls', 'http')) AS fine,
    count(*) FILTER (layer = 'dns' AND ip IS NOT NULL) AS answers
  FROM judge_units
  GROUP BY m, u
)
SELECT o.* EXCLUDE (bogons, globals), {_asked("system", SYSTEM)}, {_asked("encrypted", ENCRYPTED)},
  {_asked("udp", PLAIN)}, f.system_failure_4, f.system_failure_6, f.encrypted_failure_4,
  {_or_not("refused tls_failed tcp_failed denied", "false")}, {_or_not("lost no_network no_resolver", "0")}
FROM units o LEFT JOIN failures f ON f.m = o.m AND f.u = o.u
"""

#: One row for each address of a unit, by the probe and by the test helper together.
ADDRESSES = """
CREATE OR REPLACE TEMP TABLE judge_addresses AS
SELECT a.m, a.u, a.ip, coalesce(a.ip_network, n.network) AS ip_network, a.known
FROM (
SELECT m, u, ip, max(ip_network) AS ip_network, bit_or(known) AS known
FROM (
  SELECT m, u, ip, ip_network, known FROM judge_units WHERE ip IS NOT NULL AND u > 0 AND layer <> 'step'
  UNION ALL
  SELECT m, u, ip, CASE WHEN layer = 'dns' THEN ip_network END, known FROM judge_controls
  WHERE ip IS NOT NULL AND u IS NOT NULL AND known > 0
)
GROUP BY m, u, ip
) a LEFT JOIN judge_networks n ON n.ip = a.ip AND a.ip_network IS NULL
"""


def _both(one: int, other: int) -> str:
    return f"coalesce(bool_or(known & {one | other} = {one | other}), false)"


#: How the addresses that one asker got relate to those of another.
AGREEMENT = f"""
CREATE OR REPLACE TEMP TABLE judge_agreement AS
WITH networks AS (
  SELECT m, u, ip_network, bit_or(known) AS known FROM judge_addresses
  WHERE ip_network IS NOT NULL GROUP BY m, u, ip_network
),
by_network AS (
  SELECT m, u, {_both(SYSTEM, CONTROL)} AS control_same_network, {_both(SYSTEM, ENCRYPTED)} AS encrypted_same_network,
    {_both(PLAIN, CONTROL)} AS udp_control_network, {_both(PLAIN, AGAIN)} AS again_same_network
  FROM networks GROUP BY m, u
),
by_address AS (
  SELECT m, u, coalesce(bool_or(known & {SYSTEM} <> 0), false) AS system_answers,
    {_both(SYSTEM, CONTROL)} AS control_same, {_both(SYSTEM, ENCRYPTED)} AS encrypted_same,
    {_both(SYSTEM, PLAIN)} AS udp_same, {_both(PLAIN, CONTROL)} AS udp_control, {_both(PLAIN, ENCRYPTED)} AS udp_encrypted,
    {_both(SYSTEM, PROVED)} AS system_proved, {_both(SYSTEM, REFUTED)} AS system_refuted,
    coalesce(bool_or(known & {CONTROL | ENCRYPTED} <> 0 AND known & {IS_BOGON} = 0 AND ip NOT LIKE '%:%'), false) AS true_4,
    coalesce(bool_or(known & {CONTROL | ENCRYPTED} <> 0 AND known & {IS_BOGON} = 0 AND ip LIKE '%:%'), false) AS true_6,
    {_both(SYSTEM, REACHED)} AS system_works, {_both(SYSTEM, HELPER_PROVED)} AS system_helper_proved,
    {_both(SYSTEM, HELPER_FAILED)} AS system_helper_refuted, {_both(PLAIN, AGAIN)} AS again_same
  FROM judge_addresses GROUP BY m, u
)
SELECT a.*, coalesce(n.control_same_network, false) AS control_same_network,
  coalesce(n.encrypted_same_network, false) AS encrypted_same_network,
  coalesce(n.again_same_network, false) AS again_same_network,
  a.udp_control OR a.udp_encrypted OR coalesce(n.udp_control_network, false) AS udp_right
FROM by_address a LEFT JOIN by_network n ON n.m = a.m AND n.u = a.u
"""

#: Addresses that are none of the host's, as far as control, encrypted DNS or a certificate can tell. Without any of
#: them every public address that is not known to be injected is taken as the host's.
UNTRUSTED = f"""
CREATE OR REPLACE TEMP TABLE judge_untrusted AS
WITH control_networks AS (
  SELECT m, u, ip_network FROM judge_addresses
  WHERE ip_network IS NOT NULL AND known & {CONTROL} <> 0 GROUP BY m, u, ip_network
)
SELECT a.m, a.u, a.ip
FROM judge_addresses a
JOIN judge_context c ON c.m = a.m AND c.u = a.u
LEFT JOIN control_networks n ON n.m = a.m AND n.u = a.u AND n.ip_network = a.ip_network
WHERE a.known & {PROVED} = 0
  AND (a.known & {IS_BOGON} <> 0 OR (a.known & {CONTROL | ENCRYPTED | HELPER_PROVED} = 0 AND n.m IS NULL
    AND (c.control_global OR c.control_nxdomain OR c.system_known)))
"""
