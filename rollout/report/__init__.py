"""A plan for its readers: text, Markdown and JSON."""
