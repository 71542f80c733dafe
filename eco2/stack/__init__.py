"""One stack: its files, its state, Pulumi's CLI, and the program run against nothing."""
