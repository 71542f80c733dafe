"""A climb on a terminal: live where one can draw, and as plain lines elsewhere."""
