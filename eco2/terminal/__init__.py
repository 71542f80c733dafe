"""Ways out: terminals, pipes and logs of workflows."""
