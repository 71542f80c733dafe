"""Pulumi components that turn a plan of `rollout` into resources of EKS, Kubernetes and Istio."""
