"""From evidence to the probability that an episode is a restriction: a logistic map that was fitted by simulation.

The filter's own probability compares a restriction with stray failures only, and where votes carry no credentials most
false alarms are something else: one or two probes that are broken for a day. What separates these is who found it
blocked (`one_probe.log_ratio`) and how many votes did.

Fitted by maximum likelihood on the 3,841 episodes, 480 of them false, of several looks, that the filter finds and no
forger could make in `evaluate.histories` with seeds 12001 to 12003 and 14001 to 14004, of 900 quiet series and 900 with
one restriction each: half of the series have a restriction in 60 days, and the probabilities hold where that is about so.
Fresh seeds are for checking: `wallwatch evaluate --histories`. Where all votes have one look, the ratio knows no more than
that one look may be broken, and the votes must speak: there the numbers are set, and not fitted, since in the simulation
probes are of many kinds.
"""

from __future__ import annotations

import math

#: Constant, per natural logarithm of likelihood (cut at both ends), and per natural logarithm of votes against: of several
#: looks, and of one.
SEVERAL = (-5.1, 0.75, 0.39)
ALIKE = (-7.61, 0.83, 1.4)
LOG_RATIO_BETWEEN = (-5.0, 12.0)

#: Of several looks, per natural logarithm of how many times this number of votes more than half are against it. Set: in the
#: simulation no broken probe comes near, and forgers who call a block fine hide in the ratio who else found it.
PER_LOG_MORE, MORE_FROM = 1.5, 10.0

#: What a pattern in time adds: it is kept to only where it is e^10 times likelier than none, after its choice is paid for.
PATTERNED = 3.0

#: How much likelier a restriction is where another network shows one at the time, as sure as that is; less sure than
#: the second number does not count. Probes on several networks are not broken in the same hours.
OTHERS, OTHERS_FROM = 100.0, 0.1


def probability(
    log_ratio: float,
    votes: float,
    *,
    patterned: bool,
    more: float = 0.0,
    alike: bool = False,
    others: float = 0.0,
) -> float:
    """The probability that an episode is a restriction, 0 to 1.

    Args:
        log_ratio: How much likelier a restriction makes its votes than broken probes do, in natural logarithms.
        votes: Independent votes against the target.
        patterned: Whether they keep to a pattern in time.
        more: Votes against the target less those in its favour.
        alike: Whether all of its votes have one look.
        others: Probability that another network is under the same restriction at the time.
    """
    low, high = LOG_RATIO_BETWEEN
    constant, per_ratio, per_votes = ALIKE if alike else SEVERAL
    odds = constant + per_ratio * min(max(log_ratio, low), high) + per_votes * math.log(max(votes, 1.0))
    odds += 0.0 if alike else PER_LOG_MORE * math.log(max(more / MORE_FROM, 1.0))
    odds += PATTERNED if patterned else 0.0
    odds += math.log1p(OTHERS * others) if others >= OTHERS_FROM else 0.0
    return 1 / (1 + math.exp(-odds))
