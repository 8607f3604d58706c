"""Settings that do not decide numbers; all others, those to come among them, are held to."""

# No number of a result: a run may go on, and parts may be joined, under other ones.
DECIDE_NOTHING = frozenset({"title", "output"})

# No recorded measure: simulated times are none, and what counts of groups is the sampler, graph
# and batch of each agent.
DECIDE_NO_MEASURE = DECIDE_NOTHING | {"timing", "groups"}
DECIDE_NO_MEASURE_OF_AGENTS = frozenset({"share", "agents", "compute"})
