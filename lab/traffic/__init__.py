"""Requests at a constant rate, and who answered them."""
