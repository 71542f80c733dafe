"""What a judge goes by: requests that a Prometheus counted, and a cluster's pods."""
