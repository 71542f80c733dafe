"""The data plane: a network of its own, istiod, and Envoy as gateway and as a caller in the mesh."""
