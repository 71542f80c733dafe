"""Where objects differ: declared, in the state, in the cluster."""
