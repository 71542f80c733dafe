"""What one update makes true: images, pods, weights and their order, and what the last update left."""
