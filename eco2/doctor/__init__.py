"""What an update needs and does not find, each with the way to get it."""
