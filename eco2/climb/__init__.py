"""Rollouts that climb by themselves: the loop of `eco2 climb` and of `eco2 judge`.

`rollout.climb` decides. `loop` looks and acts, `site` is all that it touches, and `stack_site` that of a real stack.
What happens goes into the `journal`, whose listeners are in `ways_out`.
"""
