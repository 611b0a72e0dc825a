"""The rules of each benchmark, pure: agent and server apply the same ones."""
