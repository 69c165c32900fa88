"""Programs and their processes: how they end, and worker processes that do what takes long."""
