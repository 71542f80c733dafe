"""Routes: how a split of the traffic becomes Istio's objects, and how they are read back.

Whoever touches a route asks here: the components that write it, the state and the cluster that are read, the
abort that takes the canary out, the status that compares. Nothing here knows Pulumi, and what an abort needs
(`names`, `split`, `selector`, `strip`) imports no models, so that it starts at once.
"""
