"""What files say: the models of `services.yaml` and of a stack's config, read and checked against each other."""
