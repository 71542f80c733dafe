"""What is refused before anything changes, and why (docs/rules.md)."""
