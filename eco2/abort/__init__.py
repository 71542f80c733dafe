"""Taking services back: routes first, then config, cluster and state (rule 12)."""
