"""What a rollout that climbs by itself does next: decided from what is found and what the judge says.

The room asks nobody and waits for nothing. `standing` has where services are, `steps` what follows, `words` how it is
told.
"""
