"""What installed packages bring along."""
