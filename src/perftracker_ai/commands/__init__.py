"""One room for each thing that can be asked for: stages and edges put together, and nothing else."""
