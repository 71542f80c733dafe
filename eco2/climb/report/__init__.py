"""The verdict as a page: one HTML file, for whoever asks later why a canary went up or back."""
