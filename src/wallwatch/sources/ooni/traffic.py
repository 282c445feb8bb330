"""How much a handshake read and wrote, from the network events (df-008)."""

from __future__ import annotations

from collections.abc import Sequence

from wallwatch.sources.ooni.parts import Handshake, NetworkEvent
from wallwatch.sources.ooni.values import whole

#: Bytes read, reads, bytes written, writes.
Traffic = tuple[int | None, int | None, int | None, int | None]

_NONE: Traffic = (None, None, None, None)
_CUMULATIVE, _START, _DONE = 4, 5, 6
#: Where in `Traffic` the bytes of an operation are counted; of the last one, their sum so far is given.
_PLACES: dict[str | None, int] = {
    "read": 0,
    "read_from": 0,
    "write": 2,
    "write_to": 2,
    "bytes_received_cumulative": _CUMULATIVE,
}
#: The same where events have no transaction, and what a handshake lies between.
_STEPS: dict[str | None, int] = {
    "read": 0,
    "write": 2,
    "tls_handshake_start": _START,
    "tls_handshake_done": _DONE,
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
    if not events or not handshakes:
        return result
    if handshakes[0].transaction_id or any(handshake.transaction_id for handshake in handshakes):
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
        place = _PLACES.get(event.operation)
        if place is None:
            continue
        transaction, t = event.transaction_id, event.t
        if not transaction or t is None or transaction not in ends or t > ends[transaction]:
            continue
        number = event.num_bytes or 0
        if number.__class__ is not int:
            number = whole(number) or 0
        if place == _CUMULATIVE:
            received[transaction] = max(received.get(transaction, 0), number)
            continue
        if transaction not in sums:
            sums[transaction] = [0, 0, 0, 0]
        found = sums[transaction]
        found[place] += number
        found[place + 1] += 1
    for position, handshake in enumerate(handshakes):
        key = handshake.transaction_id or 0
        if key in sums:
            result[position] = tuple(sums[key])  # type: ignore[assignment]
        elif key in received:
            result[position] = (received[key], None, None, None)


def _by_order(handshakes: Sequence[Handshake], events: Sequence[NetworkEvent], result: list[Traffic]) -> None:
    pairs: list[list[int]] = []
    open_: list[int] | None = None
    for event in events:
        place = _STEPS.get(event.operation)
        if place is None:
            continue
        if place == _START:
            if open_ is not None:
                return
            open_ = [0, 0, 0, 0]
        elif place == _DONE:
            if open_ is None:
                return
            pairs.append(open_)
            open_ = None
        elif open_ is not None:
            number = event.num_bytes or 0
            if number.__class__ is not int:
                number = whole(number) or 0
            open_[place] += number
            open_[place + 1] += 1
    if len(pairs) != len(handshakes):
        return
    order = sorted(range(len(handshakes)), key=lambda i: (handshakes[i].t or 0.0, i))
    for position, pair in zip(order, pairs, strict=True):
        result[position] = tuple(pair)  # type: ignore[assignment]
