"""The Kubernetes API as this project asks it: one named context, the standard library, no Pulumi."""
