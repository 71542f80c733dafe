"""Changing a rollout: a proposal is judged, shown, written, applied and watched."""
