"""What a Prometheus and a Grafana need to watch rollouts: rules, alerts, a metric of the routes, a dashboard.

All of it is written from the catalog and the stacks' files: `python -m observability`, or `make docs`.
docs/observability.md says how to install it. It needs nothing from the program, and the program needs nothing from it.
"""
