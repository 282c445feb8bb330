"""From evidence to the probability that an episode is a restriction: a logistic map that was fitted by simulation.

The filter's own probability compares a restriction with stray failures only, and where votes carry no credentials most
false alarms are something else: one or two probes that are broken for a day. What separates these is who found it
blocked (`one_probe.log_ratio`) and how many votes did.

Fitted by maximum likelihood (ridge 0.5) on the 1,189 episodes, 147 of them false, that the filter finds and no forger
could make in `evaluate.histories` with seeds 1001 and 1002, of 1,500 quiet series and 1,000 with one restriction each:
two in five series have a restriction in 60 days, and the probabilities hold where that is about so. Fresh seeds are for
checking: `wallwatch evaluate --histories`.
"""

from __future__ import annotations

import math

#: Constant, per natural logarithm of likelihood (cut at both ends), and per natural logarithm of votes against.
CONSTANT, PER_LOG_RATIO, PER_LOG_VOTES = -8.919, 0.973, 1.832
LOG_RATIO_BETWEEN = (-5.0, 12.0)

#: What credentials add: a broken probe then has one vote an hour, however many sessions it starts.
CREDENTIALED = 1.384

#: What a pattern in time adds: it is claimed only where it is e^12 times likelier than none, chosen among very many.
PATTERNED = 3.0

#: How much likelier a restriction is where another network shows one at the time, as sure as that is; less sure than
#: the second number does not count. Probes on several networks are not broken in the same hours.
OTHERS, OTHERS_FROM = 100.0, 0.1


def probability(
    log_ratio: float, votes: float, *, patterned: bool, credentialed: bool = False, others: float = 0.0
) -> float:
    """The probability that an episode is a restriction, 0 to 1.

    Args:
        log_ratio: How much likelier a restriction makes its votes than broken probes do, in natural logarithms.
        votes: Independent votes against the target.
        patterned: Whether they keep to a pattern in time.
        credentialed: Whether most of those who found it blocked carry a credential.
        others: Probability that another network is under the same restriction at the time.
    """
    low, high = LOG_RATIO_BETWEEN
    odds = (
        CONSTANT + PER_LOG_RATIO * min(max(log_ratio, low), high) + PER_LOG_VOTES * math.log(max(votes, 1.0))
    )
    odds += PATTERNED if patterned else 0.0
    odds += CREDENTIALED if credentialed else 0.0
    odds += math.log1p(OTHERS * others) if others >= OTHERS_FROM else 0.0
    return 1 / (1 + math.exp(-odds))
