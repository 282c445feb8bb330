"""How much a handshake read and wrote, from the network events (df-008)."""

from __future__ import annotations

from collections.abc import Sequence

from wallwatch.sources.ooni.parts import Handshake, NetworkEvent
from wallwatch.sources.ooni.values import whole

#: Bytes read, reads, bytes written, writes.
Traffic = tuple[int | None, int | None, int | None, int | None]

_NONE: Traffic = (None, None, None, None)
#: Where in `Traffic` the bytes of an operation are counted; -1: their sum so far is given.
_PLACES: dict[str | None, int] = {
    "read": 0,
    "read_from": 0,
    "write": 2,
    "write_to": 2,
    "bytes_received_cumulative": -1,
}
#: Clocks of a handshake's record and of its events are read one after the other.
_SLACK = 0.001


def handshake_traffic(
    handshakes: Sequence[Handshake], events: Sequence[NetworkEvent] | None
) -> list[Traffic]:
    """For each handshake what it read and wrote; nulls where the events do not say.

    Events belong to a handshake by their transaction. Where neither has one (probes before 2023), the n-th
    pair of `tls_handshake_start` and `tls_handshake_done` belongs to the n-th handshake by time, provided
    that there are as many of one as of the other and pairs do not overlap.
    """
    result = [_NONE] * len(handshakes)
    if not events:
        return result
    if any(handshake.transaction_id for handshake in handshakes):
        _by_transaction(handshakes, events, result)
    else:
        _by_order(handshakes, events, result)
    return result


def _by_transaction(
    handshakes: Sequence[Handshake], events: Sequence[NetworkEvent], result: list[Traffic]
) -> None:
    ends = {h.transaction_id: h.t + _SLACK for h in handshakes if h.transaction_id and h.t is not None}
    sums: dict[int, list[int]] = {}
    received: dict[int, int] = {}
    for event in events:
        operation = event.operation
        place = _PLACES.get(operation)
        if place is None:
            continue
        transaction, t = event.transaction_id, event.t
        if not transaction or t is None or t > ends.get(transaction, -1.0):
            continue
        number = whole(event.num_bytes or 0) or 0
        if place < 0:
            received[transaction] = max(received.get(transaction, 0), number)
            continue
        found = sums.get(transaction)
        if found is None:
            found = sums[transaction] = [0, 0, 0, 0]
        found[place] += number
        found[place + 1] += 1
    for position, handshake in enumerate(handshakes):
        key = handshake.transaction_id or 0
        if key in sums:
            result[position] = tuple(sums[key])  # type: ignore[assignment]
        elif key in received:
            result[position] = (received[key], None, None, None)


def _by_order(handshakes: Sequence[Handshake], events: Sequence[NetworkEvent], result: list[Traffic]) -> None:
    pairs: list[tuple[int, int, int, int]] = []
    open_: list[int] | None = None
    for event in events:
        operation = event.operation
        if operation == "tls_handshake_start":
            if open_ is not None:
                return
            open_ = [0, 0, 0, 0]
        elif operation == "tls_handshake_done":
            if open_ is None:
                return
            pairs.append((open_[0], open_[1], open_[2], open_[3]))
            open_ = None
        elif open_ is not None and operation in ("read", "write"):
            place = 0 if operation == "read" else 2
            open_[place] += whole(event.num_bytes or 0) or 0
            open_[place + 1] += 1
    if len(pairs) != len(handshakes):
        return
    order = sorted(range(len(handshakes)), key=lambda i: (handshakes[i].t or 0.0, i))
    for position, pair in zip(order, pairs, strict=True):
        result[position] = pair
