"""Is a canary worse than stable? Decided by counts of both versions from the same time.

The room holds no state and asks nobody. `bets` has the mathematics, `comparison` the answer of one measure,
`verdict` the answer of all of them.
"""
