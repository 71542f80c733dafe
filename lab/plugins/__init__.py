"""Stand-ins for Pulumi's resource plugins, used where the official ones cannot be had."""
