"""A rollout that climbs by itself."""
