"""Measurements: what this project takes, beside a flat program and beside Argo Rollouts."""
