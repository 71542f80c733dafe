"""Plays the kubelets: a pod's process listens on the pod's own address, for as long as its pod lives."""
