"""The commands of `eco2`, one module each; what they do is imported when they run."""
