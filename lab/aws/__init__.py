"""AWS on one machine: what EKS would do with its clusters and node groups."""
