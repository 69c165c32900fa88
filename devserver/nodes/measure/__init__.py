"""What is heard in finished sound: measurements from the samples alone. Plain numpy; the nodes are one folder up."""
