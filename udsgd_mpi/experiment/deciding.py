"""Which settings decide no numbers. All others do, and so does any setting added later.

Results are compared, hashed and joined by these lists alone.
"""

# No number of a result: a run may be resumed, and parts may be joined, under other values.
DECIDE_NOTHING = frozenset({"title", "output"})

# Trials are independent, so parts of a study may differ in which of them they hold.
DECIDE_TRIALS_ALONE = frozenset({"trials", "first_trial"})

# No recorded measure: simulated times are none, and of a group only the sampler, the graph and
# the batch of each agent count.
DECIDE_NO_MEASURE = DECIDE_NOTHING | {"timing", "groups"}
DECIDE_NO_MEASURE_OF_AGENTS = frozenset({"share", "agents", "compute", "bandwidth"})

# Not the noise of an agent's own sampler, and so not its share of the limit.
DECIDE_NO_NOISE = (
    DECIDE_NO_MEASURE | DECIDE_TRIALS_ALONE | {"steps", "topology", "communication", "record"}
)

# Of a communication pattern: not the matrices W.
DECIDE_NO_W = frozenset({"interval", "precision", "compression"})
