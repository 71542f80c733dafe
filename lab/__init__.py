"""EKS on one machine: a real Kubernetes control plane, an AWS API and stand-ins for Pulumi's plugins."""
