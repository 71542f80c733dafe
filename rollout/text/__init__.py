"""Text that others wrote, made safe for terminals and pages."""
