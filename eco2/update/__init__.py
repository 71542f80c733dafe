"""Updates of a stack: `pulumi up`, what it takes over where an object is there before, and why one failed."""
