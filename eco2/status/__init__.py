"""How far every rollout is: what the config says, what the last update left, what the cluster runs."""
